import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { KafkaConfig } from 'kafkajs'
import { childrenOf } from '../../instance/child-processes.ts'
import type { Running } from '../../running.ts'
import { cpuMsOf, cpuMsOfServer } from '../measure.ts'
import { sayStep } from '../report.ts'
import type { Round } from '../side/side.ts'
import { openLine, type Line } from './line.ts'
import { productPath } from './paths.ts'

/** The product on Kafka, a process for each service, with what the bench does to it. */
export type Instance = {
  readonly running: Running
  readonly services: readonly { readonly name: string; readonly pid: number }[]
  readonly line: Line
  /** How a program of its own gets in as `admin`. */
  readonly client: KafkaConfig
  /** As many intents as fast as it can, until all are decided, in the ledger and projected. */
  wholePath(intents: number): Promise<Round>
  /** CPU of PostgreSQL so far, ms. */
  serverCpuMs(): Promise<number | undefined>
}

const serviceOf = (command: string): string | undefined =>
  /apps\/([^/]+)\/dist\/(?:bundled\/)?main\.js/.exec(command)?.[1]

export const openInstance = async (running: Running): Promise<Instance> => {
  const { dataDir, kafka } = running
  if (kafka === undefined) throw new Error('the product is not on Kafka')
  const { KAFKA_BROKERS = '', KAFKA_SECRETS_FILE = '' } = kafka.environment
  const secrets = JSON.parse(await readFile(KAFKA_SECRETS_FILE, 'utf8')) as { passwords: { admin: string } }
  const pidFile = await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')
  const server = Number(pidFile.split('\n')[0])
  const services = childrenOf(running.process.pid).flatMap(({ pid, command }) => {
    const name = serviceOf(command)
    return name === undefined ? [] : [{ name, pid }]
  })
  const servicesCpuMs = async (): Promise<number> => {
    const each = await Promise.all(services.map(({ pid }) => cpuMsOf(pid)))
    return each.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)
  }
  const line = await openLine(productPath(running))
  return {
    running,
    services,
    line,
    client: {
      clientId: 'bench',
      brokers: KAFKA_BROKERS.split(','),
      sasl: { mechanism: 'scram-sha-512', username: 'admin', password: secrets.passwords.admin },
    },
    wholePath: async (intents) => {
      const [cpu, serverCpu = 0] = [await servicesCpuMs(), await cpuMsOfServer(server)]
      const began = performance.now()
      await line.drain(intents)
      await settled(running)
      const wallMs = performance.now() - began
      const [cpuAfter, serverAfter = 0] = [await servicesCpuMs(), await cpuMsOfServer(server)]
      return { count: intents, wallMs, cpuMs: cpuAfter - cpu, serverCpuMs: serverAfter - serverCpu }
    },
    serverCpuMs: () => cpuMsOfServer(server),
  }
}

/** Ends an instance. That it did not end in order costs no figure, so it is only said. */
export const endInstance = async (running: Running): Promise<void> => {
  try {
    await running.stop()
  } catch (error) {
    sayStep(`is over, but ${error instanceof Error ? error.message.split('\n')[0] : 'the product did not end'}`)
  }
}

/** Resolves when ledger and lineage have every event. */
const settled = async ({ superuser }: Running): Promise<void> => {
  const count = async (text: string): Promise<number> =>
    Number((await superuser.query<{ n: string }>(`select (${text}) as n`)).rows[0]?.n)
  const events = await count('select count(*) from countersign.event')
  while ((await count('select sum(size) from ledger.log_head')) < events) await pause(20)
  while ((await count('select sum(seq) from lineage.audit_head')) < events) await pause(20)
}
