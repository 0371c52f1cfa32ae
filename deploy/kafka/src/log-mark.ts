import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the mark of a log lies: beside it. */
export const markOf = (logFile: string): string => `${logFile}.mark`

/**
 * Flags that have the broker begin each line of its log with the time and a word that nobody outside knows. A client may
 * name a topic with a line end in it, and what it writes behind that would else pass for a line about somebody else.
 * The word stays the same over restarts, and only the owner of the folder can read it.
 */
export const logMarkFlags = async (home: string, logFile: string): Promise<readonly string[]> => {
  const file = markOf(logFile)
  const mark = await readFile(file, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    const made = randomBytes(16).toString('hex')
    await writeFile(file, made, { mode: 0o600, flag: 'wx' })
    return made
  })
  // Not on the command line, which everybody on the machine can read.
  const argumentsFile = join(home, 'log-mark.arguments')
  const format = `-Dorg.slf4j.simpleLogger.dateTimeFormat="yyyy-MM-dd'T'HH:mm:ss.SSSXXX '${mark}'"\n`
  await writeFile(argumentsFile, format, { mode: 0o600 })
  return [`@${argumentsFile}`]
}
