import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
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
  /** Lets go of the file that `advance` keeps open; a later `advance` takes it up again. */
  close(): Promise<void>
}

const suffix = '.mark'
const draftSuffix = '.mark.draft'
const asideSuffix = '.aside.mark'
/** On Linux a write ends when it is on disk: one trip to a thread less. */
const isSyncedByWriting = process.platform === 'linux'
const draftFlags =
  constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | (isSyncedByWriting ? constants.O_DSYNC : 0)
/** A block of any disk and file system: writing one slot does not touch the other. */
const slotBytes = 4_096
const slots = 2
/** A file that is gone by the time it is read was behind another one, which a new listing has. */
const listings = 10

/**
 * Keeps marks in a folder that outlives the database and its restores, and that every service which appends can read.
 *
 * Each writer has a file of its own, and the furthest one counts: a relay that froze before it wrote cannot move the mark
 * back when it wakes. Files behind one's own are removed, so that there is one file as long as there is one relay.
 *
 * A file is written beside, synced and renamed, and the folder is synced. It has two slots, and from then on its writer
 * overwrites, in place, the one that does not hold its last mark: a crash leaves the old mark, or the new one, or a slot that
 * is torn and does not count beside the other. A file that somebody removed meanwhile is put there anew before the mark
 * counts as kept; whoever removes one first moves it aside, where it still counts, and reads it once more.
 *
 * A mark is two lines, its JSON and an HMAC-SHA256 of that. The key is one of its own: whoever holds it can only make
 * others believe that more was published, which stops them, or less, which the folder itself could be set back to as well.
 * The key of the bus would let intake, which is on no bus, sign records; the deployment's key would let the relay open
 * sealed payloads.
 */
export const markFolder = (folder: string, options: { readonly key: Buffer; readonly writer: string }): MarkFolder => {
  const { key, writer } = options
  const own = `${writer}${suffix}`
  const aside = join(folder, `${writer}${asideSuffix}`)
  /** What the own file is known to hold, synced. */
  let kept: StoreMark | undefined
  let file: OwnFile | undefined

  const close = async (): Promise<void> => {
    const { handle } = file ?? {}
    file = undefined
    await handle?.close()
  }

  const others = async (): Promise<string[]> =>
    (await listed(folder)).filter((name) => name.endsWith(suffix) && name !== own)

  /** What writers that died left half-written. One that is writing fails, and tries again. */
  const removeDrafts = async (): Promise<void> => {
    for (const name of await listed(folder))
      if (name.endsWith(draftSuffix)) await rm(join(folder, name), { force: true })
  }

  const put = async (mark: StoreMark): Promise<void> => {
    await close()
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = join(folder, `${writer}${draftSuffix}`)
    const handle = await open(draft, draftFlags, 0o600)
    const { ino, dev } = await handle.stat({ bigint: true })
    file = { handle, ino, dev, free: 1 }
    await handle.writeFile(Buffer.concat([slotOf(key, mark), Buffer.alloc(slotBytes, ' ')]))
    await handle.sync()
    await rename(draft, join(folder, own))
    if (process.platform !== 'win32') await syncFolder(folder)
    kept = mark
  }

  /** Writes the free slot of the own file; false when the file is not there any more. */
  const overwrite = async ({ handle, ino, dev, free }: OwnFile, mark: StoreMark): Promise<boolean> => {
    const { bytesWritten } = await handle.write(slotOf(key, mark), 0, slotBytes, free * slotBytes)
    if (bytesWritten !== slotBytes) throw new Error('a mark was written in part only')
    if (!isSyncedByWriting) await handle.datasync()
    // Only now: who removes the file reads it after moving it aside, so one of the two sees what the other did.
    const there = await ifThere(stat(join(folder, own), { bigint: true }))
    if (there?.ino !== ino || there.dev !== dev) return false
    file = { handle, ino, dev, free: (free + 1) % slots }
    kept = mark
    return true
  }

  const read = async (): Promise<StoreMark | undefined> => {
    for (let listing = 1; ; listing += 1) {
      const names = (await listed(folder)).filter((name) => name.endsWith(suffix))
      const contents = await Promise.all(names.map((name) => readIfThere(join(folder, name))))
      if (contents.every((content) => content !== undefined))
        return furthest(contents.map((content) => opened(key, content)))
      if (listing === listings) throw new Error('the folder of marks did not stand still')
    }
  }

  /** Removes a file whose mark is behind the own one; its writer may be writing. */
  const removeBehind = async (name: string): Promise<void> => {
    const content = await readIfThere(join(folder, name))
    if (content === undefined || kept === undefined || !isBefore(opened(key, content), kept)) return
    if ((await ifThere(rename(join(folder, name), aside).then(() => true))) === undefined) return
    const last = await readIfThere(aside)
    const mark = last === undefined ? undefined : opened(key, last)
    if (mark !== undefined && isBefore(kept, mark)) await put(mark)
    await rm(aside, { force: true })
  }

  return {
    read,
    close,
    advance: async (mark) => {
      if (kept !== undefined && !isBefore(kept, mark)) return
      if (file !== undefined && (await overwrite(file, mark))) return
      if (kept === undefined) await removeDrafts()
      const there = await read()
      await put(there === undefined || isBefore(there, mark) ? mark : there)
      for (const name of await others()) await removeBehind(name)
    },
    replace: async (mark) => {
      await removeDrafts()
      await put(mark)
      await close()
      for (const name of await others()) await rm(join(folder, name), { force: true })
    },
  }
}

/** A writer's file, what it is known by, and which of its slots does not hold the last mark. */
type OwnFile = { readonly handle: FileHandle; readonly ino: bigint; readonly dev: bigint; readonly free: number }

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

const slotOf = (key: Buffer, mark: StoreMark): Buffer => {
  const text = signed(key, mark)
  if (Buffer.byteLength(text) > slotBytes) throw new RangeError('a mark does not fit its slot')
  return Buffer.from(text.padEnd(slotBytes))
}

/** The further mark of a file's slots. A slot that is torn, or that somebody spoiled, takes the file one mark back at most. */
const opened = (key: Buffer, content: Buffer): StoreMark => {
  const places = Array.from({ length: slots }, (_, slot) => content.subarray(slot * slotBytes, (slot + 1) * slotBytes))
  const mark = furthest(places.flatMap((slot) => openedSlot(key, slot.toString('utf8')) ?? []))
  if (mark === undefined) throw new MarkInvalid('a mark of the store is not signed by this deployment')
  return mark
}

const openedSlot = (key: Buffer, content: string): StoreMark | undefined => {
  const [text = '', mac = ''] = content.split('\n')
  const [expected, actual] = [macOf(key, text), Buffer.from(mac, 'base64url')]
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) return undefined
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
const readIfThere = (path: string): Promise<Buffer | undefined> => ifThere(readFile(path))

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
