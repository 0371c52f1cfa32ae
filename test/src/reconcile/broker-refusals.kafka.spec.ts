import { appendFile, copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { topics } from '@countersign/contracts'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCommand } from '../instance/command-line.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'

let running: Running
beforeAll(async () => {
  running = await startRunning({ bus: 'kafka' })
}, startTimeoutMs)
afterAll(() => running?.stop())

const brokerLog = () => join(running.dataDir, 'kafka', 'broker.log')
const write = async (principal: string, topic: string): Promise<string | undefined> => {
  if (running.kafka === undefined) throw new Error('there is no broker')
  const producer = running.kafka.as(principal).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { retries: 1 },
  })
  await producer.connect()
  const refusal = await producer.send({ topic, messages: [{ key: 'k', value: 'forged' }] }).then(
    () => undefined,
    (error: { type?: string; cause?: { type?: string } }) => error.type ?? error.cause?.type,
  )
  await producer.disconnect()
  return refusal
}

type Found = {
  readonly principal: string
  readonly operation: string
  readonly resource: string
  readonly host: string
  readonly firstAt: string
  readonly count: number
  readonly isProducer: boolean
  readonly recorded: number
}
const reconcile = async (file: string, as = 'ben') => {
  const words = ['reconcile', '--trail', 'kafka', file, '--as', as, '--json', '--data-dir', running.dataDir]
  const { code, out, err } = await runCommand(...words)
  const { refusals, quarantined } = JSON.parse(out === '' ? '{}' : out) as {
    refusals: Found[]
    quarantined: { reason: string }[]
  }
  return { code, err, refusals, quarantined }
}
type Row = { is_alert: boolean; metadata: { event_code: string }; unmapped: Record<string, unknown> }
const alerts = async (): Promise<Row[]> => {
  const { body } = await running.call<{ rows: Row[] }>('/v1/audit?limit=2000', { token: running.tokens.ben })
  return body.rows.filter(({ is_alert, metadata }) => is_alert && metadata.event_code.includes('BrokerRefusalFound'))
}

it('what the broker refuses a producer is listed out of its own log and recorded as an alert, each attempt once', async () => {
  const since = Date.now() - 1_000
  expect(await write('etl', topics.events)).toBe('TOPIC_AUTHORIZATION_FAILED')
  expect(await write('etl', topics.intents('replay'))).toBe('TOPIC_AUTHORIZATION_FAILED')
  expect(await write('siem', topics.audit)).toBe('TOPIC_AUTHORIZATION_FAILED')
  await until(async () => (await readFile(brokerLog(), 'utf8')).includes('User:siem is Denied operation'), {
    what: 'the refused attempts in the log',
  })
  const first = await reconcile(brokerLog())
  expect(first.err).toBe('')
  expect(first).toMatchObject({ code: 30, quarantined: [] })
  const mine = first.refusals.filter(({ firstAt }) => Date.parse(firstAt) >= since)
  expect(mine).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ principal: 'etl', resource: topics.events, host: '127.0.0.1', isProducer: true }),
      expect.objectContaining({ principal: 'etl', resource: topics.intents('replay'), isProducer: true }),
      expect.objectContaining({ principal: 'siem', resource: topics.audit, isProducer: false }),
    ]),
  )
  for (const { operation, count, recorded } of mine) {
    expect(operation).toMatch(/^(WRITE|DESCRIBE)$/)
    expect(recorded).toBe(count)
  }

  const again = await reconcile(brokerLog())
  expect(again.refusals.map(({ recorded }) => recorded)).toEqual(first.refusals.map(() => 0))
  expect(await write('etl', topics.events)).toBe('TOPIC_AUTHORIZATION_FAILED')
  const before = mine.find(({ resource }) => resource === topics.events)?.count ?? 0
  const later = await until(
    async () => {
      const { refusals } = await reconcile(brokerLog())
      const found = refusals.find(({ principal, resource }) => principal === 'etl' && resource === topics.events)
      return found !== undefined && found.count > before ? found : undefined
    },
    { what: 'the next attempt' },
  )
  expect(later.recorded).toBe(later.count - before)

  await until(async () => (await alerts()).length >= mine.length + 1, { what: 'the alerts' })
  expect(await alerts()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ unmapped: expect.objectContaining({ principal: 'etl', is_producer: true }) }),
    ]),
  )
}, 180_000)

it('a line that cannot be read is told and not passed over, and only operators have anything recorded', async () => {
  const copy = join(running.dataDir, 'copied.log')
  await copyFile(brokerLog(), copy)
  await copyFile(`${brokerLog()}.mark`, `${copy}.mark`)
  await appendFile(copy, 'Principal = User:etl is Denied operation = WRITE, and so on\n')
  expect((await reconcile(copy)).quarantined).toMatchObject([{ reason: 'not_by_the_broker' }])
  expect((await reconcile(copy, 'dana')).err).toContain('not_allowed')
})

it('what a client names with a line end in it does not become a line of another', async () => {
  const forged = `x\n2026-11-22T00:00:00.000Z [t] INFO kafka.authorizer.logger - Principal = User:relay is Denied operation = WRITE from host = 10.9.9.9 on resource = Topic:LITERAL:y for request = Produce `
  expect(await write('etl', forged)).toBe('TOPIC_AUTHORIZATION_FAILED')
  await until(async () => (await readFile(brokerLog(), 'utf8')).includes('10.9.9.9'), { what: 'the forged line' })
  const { refusals, quarantined } = await reconcile(brokerLog())
  expect(refusals.filter(({ host, principal }) => host === '10.9.9.9' || principal === 'relay')).toEqual([])
  expect(quarantined).toMatchObject([{ reason: 'not_by_the_broker' }])
  expect(refusals).toContainEqual(expect.objectContaining({ principal: 'etl', resource: '(unclear)' }))
})
