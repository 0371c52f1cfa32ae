import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { runJava } from './run-java.ts'

/** A cluster id as Kafka writes them: 16 random bytes, base64url. */
export const newClusterId = (): string => randomBytes(16).toString('base64url').replace(/^-/, 'A')

export interface FormatArguments {
  readonly propertiesFile: string
  readonly clusterId: string
  /** SCRAM users that exist from the first start on; the inter-broker user has to be one of them. */
  readonly users?: ReadonlyMap<string, string>
}

export interface FormatOptions extends FormatArguments {
  readonly jars: string
}

/** Arguments of Kafka's `StorageTool`, one a line, as it reads them from a file. They hold the users' passwords. */
export const formatArguments = ({ propertiesFile, clusterId, users = new Map() }: FormatArguments): string => {
  const scram = [...users].flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ])
  return `${['format', '-t', clusterId, '-c', propertiesFile, ...scram].join('\n')}\n`
}

/**
 * Prepares the data folder of a broker that never ran. The arguments go through a file that only we can read, so that
 * no password shows in the list of processes.
 */
export const formatStorage = async (options: FormatOptions): Promise<void> => {
  const { jars, propertiesFile } = options
  const argumentsFile = `${propertiesFile}.format`
  await writeFile(argumentsFile, formatArguments(options), { mode: 0o600 })
  try {
    await runJava(jars, 'kafka.tools.StorageTool', [`@${argumentsFile}`])
  } finally {
    await rm(argumentsFile, { force: true })
  }
}
