import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '@countersign/contracts'
import kafkajs from 'kafkajs'
import { root } from '../compose-file/compose-file.ts'
import type { Deployment } from './deployment.ts'
import { runProgram } from './run-program.ts'

const read = {
  agent: { name: 'etl-bot' },
  action: 'data.read',
  target: 'orders',
  environment: 'production',
  parameters: { query: 'SELECT count(*) FROM orders' },
}

/** Publishes an intent as somebody outside does, with the command of this clone, through the front; the rule that allowed it. */
export const askFromOutside = async ({ volumes }: Deployment): Promise<string> => {
  const file = join(volumes, 'intent.json')
  await writeFile(file, JSON.stringify(read))
  const args = ['apps/cli/bin/countersign.js', 'publish', file, '--wait', '30s', '--json']
  const env = { ...process.env, COUNTERSIGN_DATA_DIR: join(volumes, 'credentials') }
  const printed = await runProgram(process.execPath, args, { cwd: root, env })
  const { state, rules } = JSON.parse(printed) as { state: string; rules: string[] }
  if (state !== 'allowed') throw new Error(`the intent is ${state}, not allowed`)
  return rules.join()
}

/** Calls with the service of the command line, which is inside: issuer, front and store have the same addresses there. */
export const callsOfCli: readonly (readonly string[])[] = [
  ['reviews', '--as', 'ben'],
  ['exec', '--action', 'data.read', '--target', 'orders', '--', 'echo', 'ran once'],
  ['verify', '--store'],
]

/** Reads the rows of the audit topic as a SIEM does, by the certificate that was made for it; how many came. */
export const readAsSiem = async ({ volumes }: Deployment): Promise<number> => {
  const own = (name: string): Promise<string> => readFile(join(volumes, 'secrets-outside', name), 'utf8')
  const ssl = { ca: [await own('ca.crt')], cert: await own('siem.crt'), key: await own('siem.key') }
  const kafka = new kafkajs.Kafka({ brokers: ['127.0.0.1:9095'], ssl, logLevel: kafkajs.logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'siem.check' })
  let rows = 0
  await consumer.connect()
  try {
    await consumer.subscribe({ topic: topics.audit, fromBeginning: true })
    await consumer.run({ eachMessage: async () => void (rows += 1) })
    for (let tries = 0; rows === 0 && tries < 300; tries++) await delay(100)
  } finally {
    await consumer.disconnect()
  }
  if (rows === 0) throw new Error('no row came on the audit topic')
  return rows
}
