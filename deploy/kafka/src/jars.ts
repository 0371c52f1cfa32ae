import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const home = join(import.meta.dirname, '..')
const folderName = 'kafka-4.1.1-jars'

/** Parses lines of `sha256sum`: digest, two blanks, file name. */
export const parseChecksums = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [, digest, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? []
        if (digest === undefined || name === undefined) throw new Error('libs.sha256 has a line that is no checksum')
        return [name, digest] as const
      }),
  )

/** What is wrong with a folder of jars: a file too many, one too few, one with other bytes. */
export const wrongJars = async (folder: string, checksums: ReadonlyMap<string, string>): Promise<readonly string[]> => {
  const names = await readdir(folder)
  const wrong = [...checksums.keys()].filter((name) => !names.includes(name)).map((name) => `${name} is missing`)
  for (const name of names) {
    const expected = checksums.get(name)
    if (expected === undefined) {
      wrong.push(`${name} is not one of Kafka's`)
      continue
    }
    const digest = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex')
    if (digest !== expected) wrong.push(`${name} has another checksum`)
  }
  return wrong
}

/**
 * The folder with Kafka's jars below `cacheDir`, fetched with Maven when it is not there, each file checked against the
 * checksums in this repository every time.
 */
export const fetchJars = async (cacheDir: string, log: (line: string) => void): Promise<string> => {
  const checksums = parseChecksums(await readFile(join(home, 'libs.sha256'), 'utf8'))
  const folder = join(cacheDir, folderName)
  const isThere = await readdir(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    log('fetching Apache Kafka 4.1.1 with Maven (43 MB)')
    await mkdir(cacheDir, { recursive: true, mode: 0o700 })
    const fresh = `${folder}.${randomUUID()}`
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${fresh}`]
    // -C refuses a file whose checksum differs from the repository's own.
    await run('mvn', ['-q', '-B', '-C', '-f', join(home, 'pom.xml'), ...goal])
    // Whoever was faster has the same jars; they are checked below.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
  }
  const wrong = await wrongJars(folder, checksums)
  if (wrong.length > 0) throw new Error(`the jars of Kafka are not the pinned ones: ${wrong.join('; ')}`)
  return folder
}
