import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrokerPorts } from './server-properties.ts'

/** Where a broker of this machine was reached last, and where its passwords are. */
export interface LocalBroker {
  /** `host:port` of the SCRAM listener without TLS. */
  readonly brokers: readonly string[]
  readonly secretsFile: string
}

export const secretsIn = (home: string): string => join(home, 'secrets.json')
const listenersIn = (home: string): string => join(home, 'listeners.json')

/** Leaves the addresses beside the broker's data, for whoever wants to reach it. */
export const writeListeners = async (home: string, { scram, tls, mtls }: BrokerPorts): Promise<void> => {
  const at = (port: number): string => `127.0.0.1:${port}`
  const file = listenersIn(home)
  await writeFile(`${file}.new`, `${JSON.stringify({ scram: at(scram), tls: at(tls), mtls: at(mtls) })}\n`)
  await rename(`${file}.new`, file)
}

/** The broker whose data is in the folder; undefined when none was started there. Whether it runs is not asked. */
export const localBroker = async (home: string): Promise<LocalBroker | undefined> => {
  const text = await readFile(listenersIn(home), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { scram } = JSON.parse(text) as { readonly scram: string }
  return { brokers: [scram], secretsFile: secretsIn(home) }
}
