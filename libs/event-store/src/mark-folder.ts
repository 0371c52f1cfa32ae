import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isBefore } from './cursor-order.ts'
import type { Cursor, StoredEvent } from './stream.ts'

/** How far the store was published, as remembered outside of it. */
export type StoreMark = Cursor & {
  /** The server on which the incarnation was opened. */
  readonly systemIdentifier: string
  readonly timeline: string
  /** The last event that was published, and a digest of its row; absent while nothing was since the store was adopted. */
  readonly event?: { readonly eventId: string; readonly digest: string }
}

/** Digest of an event's row. It is compared with one of the same row later, read the same way: no canonical form is needed. */
export const rowDigest = (event: StoredEvent): string => {
  const { eventId, tenantId, kind, streamId, version, wireType, data, metadata, recordedAt } = event
  const row = JSON.stringify([eventId, tenantId, kind, streamId, version, wireType, data, metadata, recordedAt])
  return `sha256:${createHash('sha256').update(row).digest('hex')}`
}

/** A mark that cannot be believed: a wrong signature, or nothing that we wrote. */
export class MarkInvalid extends Error {
  override readonly name = 'MarkInvalid'
}

export interface MarkFolder {
  /** The furthest mark; undefined when there is none. Throws `MarkInvalid` when one of them cannot be believed. */
  read(): Promise<StoreMark | undefined>
  /** Resolves when a mark at least this far survives a crash. Never moves back. */
  advance(mark: StoreMark): Promise<void>
  /** Puts this mark in the place of all others, whatever they are: only when an operator has adopted the store. */
  replace(mark: StoreMark): Promise<void>
}

const suffix = '.mark'
const draftSuffix = '.mark.draft'
/** A file that is gone by the time it is read was behind another one, which a new listing has. */
const listings = 10

/**
 * Keeps marks in a folder that outlives the database and its restores, and that every service which appends can read.
 *
 * Each writer has a file of its own, and the furthest one counts: a relay that froze before it renamed its file cannot move
 * the mark back when it wakes. Files behind one's own are removed, so that there is one file as long as there is one relay.
 * A file is written beside, synced and renamed, and the folder is synced, so a crash leaves the old mark or the new one.
 *
 * A mark is two lines, its JSON and an HMAC-SHA256 of that. The key is one of its own: whoever holds it can only make
 * others believe that more was published, which stops them, or less, which the folder itself could be set back to as well.
 * The key of the bus would let intake, which is on no bus, sign records; the deployment's key would let the relay open
 * sealed payloads.
 */
export const markFolder = (folder: string, options: { readonly key: Buffer; readonly writer: string }): MarkFolder => {
  const { key, writer } = options
  const own = `${writer}${suffix}`
  /** What the own file is known to hold, synced. */
  let kept: StoreMark | undefined

  const others = async (): Promise<string[]> =>
    (await listed(folder)).filter((name) => name.endsWith(suffix) && name !== own)

  /** What writers that died left half-written. One that is writing fails, and tries again. */
  const removeDrafts = async (): Promise<void> => {
    for (const name of await listed(folder))
      if (name.endsWith(draftSuffix)) await rm(join(folder, name), { force: true })
  }

  const put = async (mark: StoreMark): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = join(folder, `${writer}${draftSuffix}`)
    await synced(draft, 'w', (file) => file.writeFile(signed(key, mark)))
    await rename(draft, join(folder, own))
    if (process.platform !== 'win32') await synced(folder, 'r', async () => undefined)
    kept = mark
  }

  const read = async (): Promise<StoreMark | undefined> => {
    for (let listing = 1; ; listing += 1) {
      const names = (await listed(folder)).filter((name) => name.endsWith(suffix))
      const texts = await Promise.all(names.map((name) => readIfThere(join(folder, name))))
      if (texts.every((text) => text !== undefined)) return furthest(texts.map((text) => opened(key, text)))
      if (listing === listings) throw new Error('the folder of marks did not stand still')
    }
  }

  return {
    read,
    advance: async (mark) => {
      if (kept !== undefined && !isBefore(kept, mark)) return
      if (kept === undefined) await removeDrafts()
      const there = await read()
      await put(there === undefined || isBefore(there, mark) ? mark : there)
      for (const name of await others()) {
        const text = await readIfThere(join(folder, name))
        if (text !== undefined && kept !== undefined && isBefore(opened(key, text), kept))
          await rm(join(folder, name), { force: true })
      }
    },
    replace: async (mark) => {
      await removeDrafts()
      await put(mark)
      for (const name of await others()) await rm(join(folder, name), { force: true })
    },
  }
}

const furthest = (marks: readonly StoreMark[]): StoreMark | undefined =>
  marks.reduce<StoreMark | undefined>(
    (best, mark) => (best === undefined || isBefore(best, mark) ? mark : best),
    undefined,
  )

const signed = (key: Buffer, mark: StoreMark): string => {
  const text = JSON.stringify(mark)
  return `${text}\n${macOf(key, text).toString('base64url')}\n`
}

const macOf = (key: Buffer, text: string): Buffer =>
  createHmac('sha256', createSecretKey(key)).update('countersign store mark v1\n').update(text).digest()

const opened = (key: Buffer, content: string): StoreMark => {
  const [text = '', mac = ''] = content.split('\n')
  const [expected, actual] = [macOf(key, text), Buffer.from(mac, 'base64url')]
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual))
    throw new MarkInvalid('a mark of the store is not signed by this deployment')
  // Only we sign, so what is signed has our shape.
  return JSON.parse(text) as StoreMark
}

const ifThere = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
}

const listed = async (folder: string): Promise<string[]> => (await ifThere(readdir(folder))) ?? []
const readIfThere = (path: string): Promise<string | undefined> => ifThere(readFile(path, 'utf8'))

const synced = async (
  path: string,
  flags: 'r' | 'w',
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> => {
  const file = await open(path, flags, 0o600)
  try {
    await work(file)
    await file.sync()
  } finally {
    await file.close()
  }
}
