import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Remembers the last checkpoint of each log that left this service, outside of the database: a database that was set
 * back to an earlier state knows nothing of what was published after it.
 */
export interface PublishedMark {
  /** The signed checkpoint; `undefined` when none was published from here. */
  read(logId: string): Promise<string | undefined>
  /** Keeps a checkpoint for good, beside the mark: the last one under an origin that the log has left. Idempotent. */
  keep(logId: string, note: string): Promise<void>
  /** Resolves when the checkpoint survives a crash. */
  write(logId: string, note: string): Promise<void>
}

/** One file per log in a folder that outlives the process, and that all instances share if there are several. */
export const publishedMarkIn = (folder: string): PublishedMark => {
  const pathOf = (logId: string): string => join(folder, `${logId}.checkpoint`)
  const replace = async (path: string, note: string): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // Written beside and renamed over, so that a crash leaves the old or the new one, never a part.
    const draft = `${path}.${process.pid}.draft`
    await synced(draft, 'w', (file) => file.writeFile(note))
    await rename(draft, path)
    if (process.platform !== 'win32') await synced(folder, 'r', async () => undefined)
  }
  return {
    read: async (logId) => {
      try {
        return await readFile(pathOf(logId), 'utf8')
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ENOENT') return undefined
        throw error
      }
    },
    keep: (logId, note) => replace(join(folder, `${logId}.${digestOf(note)}.former`), note),
    write: (logId, note) => replace(pathOf(logId), note),
  }
}

/** Names a checkpoint by its text, so that two of one size never share a file. */
const digestOf = (note: string): string => createHash('sha256').update(note).digest('hex').slice(0, 16)

const synced = async (
  path: string,
  flags: 'r' | 'w',
  write: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> => {
  const file = await open(path, flags, 0o600)
  try {
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
}
