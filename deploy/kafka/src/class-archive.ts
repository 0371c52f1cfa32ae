import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'

/** An archive of loaded classes, which halves the start of a broker. */
export interface ClassArchive {
  /** Java ignores an archive that does not fit. */
  readonly flags: readonly string[]
  /** To be called when the broker has ended: the first one that ended in order leaves the archive. */
  keep(): Promise<void>
}

/** The archive of that name below the folder; while there is none, a broker that is ended in order writes it. */
export const classArchive = (cacheDir: string, name: string): ClassArchive => {
  const [archive, draft] = [join(cacheDir, `${name}.jsa`), join(cacheDir, `${name}.${randomUUID()}.jsa`)]
  const use = existsSync(archive) ? `-XX:SharedArchiveFile=${archive}` : `-XX:ArchiveClassesAtExit=${draft}`
  return {
    flags: [use, '-Xlog:disable', '-Xlog:all=off'],
    keep: async () => {
      if (existsSync(draft)) await rename(draft, archive)
    },
  }
}
