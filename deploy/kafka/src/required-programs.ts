import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

const minJava = 17

/** Standard output and error of a program; undefined when it is not there or fails. */
const outputOf = (program: string, args: readonly string[]): Promise<string | undefined> =>
  run(program, [...args]).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`,
    () => undefined,
  )

/** Major version of a `java -version` text; 0 when there is none. `1.8.0` is 8. */
export const javaMajor = (text: string): number => {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? []
  return Number((first === '1' ? second : first) ?? 0)
}

/** What keeps Kafka from running here, a sentence each; empty when nothing does. */
export const missingPrograms = async (): Promise<readonly string[]> => {
  const [java, maven, openssl] = await Promise.all([
    outputOf('java', ['-version']),
    outputOf('mvn', ['--version']),
    outputOf('openssl', ['version']),
  ])
  const missing: string[] = []
  if (java === undefined) missing.push(`java is missing: Kafka 4.1 needs Java ${minJava} or later`)
  else if (javaMajor(java) < minJava)
    missing.push(`java is version ${javaMajor(java)}: Kafka 4.1 needs ${minJava} or later`)
  if (maven === undefined) missing.push('mvn (Maven) is missing: it fetches the jars of Kafka')
  if (openssl === undefined) missing.push('openssl is missing: it makes the certificates')
  return missing
}
