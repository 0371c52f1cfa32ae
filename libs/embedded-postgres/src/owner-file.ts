import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isAlive, startOf } from './process-identity.ts'

type Owner = { readonly pid: number; readonly start: string }

/**
 * Claims a data folder for this process by a file that names it. A claim whose process is gone is taken over.
 * @returns a function that gives the claim up; it is synchronous so that it works while the process exits.
 * @throws if a living process (this one included) holds the claim; the message names its pid.
 */
export async function claimDataDir(file: string, dataDir: string): Promise<() => void> {
  const claim: Owner = { pid: process.pid, start: await startOf(process.pid) }
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, JSON.stringify(claim), { mode: 0o600 })
  try {
    for (;;) {
      // link() fails if the name exists, and the file is never seen half written.
      const taken = await link(draft, file).then(
        () => false,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return true
          throw error
        },
      )
      if (!taken) return () => rmSync(file, { force: true })
      await removeIfStale(file, dataDir)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

async function removeIfStale(file: string, dataDir: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const owner = parse(text)
  if (owner && isAlive(owner.pid) && (await startOf(owner.pid)) === owner.start) {
    throw new Error(`The embedded PostgreSQL in ${dataDir} is already in use by process ${owner.pid}`)
  }
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch {
    return // another process was faster
  }
  // What was moved may be a fresh claim that replaced the stale one after it was read: put it back.
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, file).catch(() => undefined)
  await rm(aside, { force: true })
}

function parse(text: string): Owner | undefined {
  try {
    const value = JSON.parse(text) as Partial<Owner>
    if (typeof value.pid === 'number' && typeof value.start === 'string') return { pid: value.pid, start: value.start }
  } catch {
    // Not ours or damaged: nobody alive is named by it.
  }
  return undefined
}
