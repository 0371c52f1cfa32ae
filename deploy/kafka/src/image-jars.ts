import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fetchJars, wrongJars } from './jars.ts'

const run = promisify(execFile)

/** What binds Kafka to Log4j, which it ships, in the stead of SLF4J's simple logger, which is only of ours. */
const binding = {
  artifact: 'org.apache.logging.log4j:log4j-slf4j-impl:2.24.3',
  name: 'log4j-slf4j-impl-2.24.3.jar',
  digest: '40dec251164d1576e000968cd02e56a1125f46b91fb694a06dfa168f1335da48',
}
const simpleLogger = /^slf4j-simple-/

/**
 * The folder with the jars as the official image has them: Kafka's own, and Log4j to log with. Fetched with Maven when they are
 * not there, the binding checked against its checksum every time.
 */
export const fetchImageJars = async (cacheDir: string, log: (line: string) => void): Promise<string> => {
  const jars = await fetchJars(cacheDir, log)
  const [fetched, folder] = [join(cacheDir, 'kafka-4.1.1-log4j'), join(cacheDir, 'kafka-4.1.1-image-jars')]
  const isThere = await readdir(fetched).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    const fresh = `${fetched}.${randomUUID()}`
    const goal = ['dependency:copy', `-Dartifact=${binding.artifact}`, `-DoutputDirectory=${fresh}`]
    await run('mvn', ['-q', '-B', '-C', ...goal])
    // Whoever was faster has the same jar; it is checked below.
    await rename(fresh, fetched).catch(() => rm(fresh, { recursive: true, force: true }))
  }
  const wrong = await wrongJars(fetched, new Map([[binding.name, binding.digest]]))
  if (wrong.length > 0) throw new Error(`what binds Kafka to Log4j is not what is pinned: ${wrong.join('; ')}`)
  const made = `${folder}.${randomUUID()}`
  // For everybody's eyes: the check of the image runs its broker as another user.
  await mkdir(made, { mode: 0o755 })
  for (const name of await readdir(jars))
    if (!simpleLogger.test(name)) await copyFile(join(jars, name), join(made, name))
  await copyFile(join(fetched, binding.name), join(made, binding.name))
  await rename(made, folder).catch(() => rm(made, { recursive: true, force: true }))
  return folder
}
