import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultPartitions } from './access-table.ts'
import { missingPrograms } from './required-programs.ts'
import { defaultPorts } from './server-properties.ts'
import { startBroker } from './start-broker.ts'

const usage = `Apache Kafka 4.1.1 on this machine, with users, topics and ACLs for Countersign.

  npm run kafka -- [--data-dir .countersign] [--producers etl,replay] [--partitions 1]
                   [--scram-port 9092] [--tls-port 9094] [--mtls-port 9095] [--controller-port 9093]

Each producer is a principal that writes countersign.intents.v1.NAME and executions, and reads its decisions. To add one,
start again with it in the list; those of before stay. More partitions are for several instances of a service on several machines; topics that are there keep
theirs.
`

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    'data-dir': { type: 'string', default: '.countersign' },
    producers: { type: 'string', default: 'etl,replay' },
    partitions: { type: 'string', default: String(defaultPartitions) },
    'scram-port': { type: 'string', default: String(defaultPorts.scram) },
    'tls-port': { type: 'string', default: String(defaultPorts.tls) },
    'mtls-port': { type: 'string', default: String(defaultPorts.mtls) },
    'controller-port': { type: 'string', default: String(defaultPorts.controller) },
  },
})

const run = async (): Promise<number> => {
  const missing = await missingPrograms()
  if (missing.length > 0) {
    for (const line of missing) print(line)
    return 1
  }
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  const ports = {
    scram: Number(values['scram-port']),
    tls: Number(values['tls-port']),
    mtls: Number(values['mtls-port']),
    controller: Number(values['controller-port']),
  }
  const dataDir = join(values['data-dir'], 'kafka')
  const producers = values.producers.split(',').filter((name) => name !== '')
  const partitions = Number(values.partitions)
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1_000) {
    print(`--partitions takes a number from 1 to 1000, not ${values.partitions}`)
    return 2
  }
  const broker = await startBroker({ dataDir, producers, partitions, ports, log: print })
  print(`
Kafka is ready
  SCRAM       127.0.0.1:${ports.scram}   (KAFKA_BROKERS for services here)
  SCRAM, TLS  127.0.0.1:${ports.tls}
  mTLS        127.0.0.1:${ports.mtls}
  producers   ${producers.join(', ')}   (--producers adds more)
  passwords   ${relative(process.cwd(), broker.secretsFile)}
  certificates ${relative(process.cwd(), broker.certificatesDir)}
Ctrl-C stops it and keeps its data.`)
  const asked = new Promise<undefined>((resolve) => {
    if (stopping.signal.aborted) resolve(undefined)
    stopping.signal.addEventListener('abort', () => resolve(undefined))
  })
  const ended = await Promise.race([broker.exited, asked])
  if (ended !== undefined) {
    print(`the broker ended with ${ended}; its log is ${relative(process.cwd(), join(dataDir, 'broker.log'))}`)
    return 1
  }
  await broker.stop()
  print('stopped')
  return 0
}

if (values.help) print(usage)
else {
  process.exitCode = await run().catch((error: unknown) => {
    print(error instanceof Error ? error.message : 'Kafka did not start')
    return 1
  })
}
