import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ocsfValidators } from '../instance/ocsf-validators.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import { decide, readIntent, readReview, settled } from '../stories.ts'
import { kafkaEnvironment, missingClients, producerEnvironment, programs, startForeign } from './foreign-clients.ts'

const missing = missingClients()
const required = process.env['REQUIRE_FOREIGN_CLIENTS'] === '1'
if (missing.length > 0 && !required) {
  process.stderr.write(
    `LEFT OUT: producers and SIEMs that others wrote. ${missing.join(', ')} missing; tools/install-foreign-clients.sh installs them.\n`,
  )
}

/** The reviews that ben may decide now. */
const openReview = (running: Running): Promise<string> =>
  until(
    async () => {
      const { body } = await running.call<{ reviews: { reviewId: string; state: string }[] }>('/v1/reviews', {
        token: running.tokens.ben,
      })
      const review = (body.reviews ?? []).find(({ state }) => state === 'in_review')
      if (review === undefined) return undefined
      return (await readReview(running, running.tokens.ben, review.reviewId)).status === 200
        ? review.reviewId
        : undefined
    },
    { what: 'a review', withinMs: 60_000 },
  )

describe.skipIf(missing.length > 0 && !required)('clients that nobody here wrote', () => {
  let running: Running
  beforeAll(async () => {
    running = await startRunning({ bus: 'kafka' })
  }, startTimeoutMs)
  afterAll(() => running?.stop())

  const scram = () => ({ ...producerEnvironment(running), ...kafkaEnvironment(running, 'etl', 'tls') })
  const mtls = () => ({ ...producerEnvironment(running), ...kafkaEnvironment(running, 'etl', 'mtls') })
  const refusals = async (code: string): Promise<number> => {
    const { rows } = await running.superuser.query<{ count: string }>(
      `select coalesce(sum((data ->> 'count')::int), 0) as count from countersign.event
       where type like 'dev.countersign.ActionIntentRefused.%' and data ->> 'code' = $1`,
      [code],
    )
    return Number(rows[0]?.count)
  }

  it.each([
    ['confluent-kafka in Python, over SCRAM', programs.python, scram],
    ['kcat, over mTLS', programs.kcat, mtls],
  ] as const)(
    '%s: asks, is approved, runs once and reports',
    async (_name, program, environment) => {
      const asking = startForeign(program, environment())
      await decide(running, running.tokens.ben, await openReview(running), { verdict: 'approve', reason: 'checked' })
      const { how, output } = await asking.ended
      expect(output).toMatch(/^approved [^]*^redeemed [^]*^succeeded /m)
      expect(how, output).toBe(0)
    },
    180_000,
  )

  it.each([
    ['confluent-kafka', programs.python, scram],
    ['kcat', programs.kcat, mtls],
  ] as const)(
    '%s learns a no',
    async (_name, program, environment) => {
      const asking = startForeign(program, environment())
      await decide(running, running.tokens.ben, await openReview(running), { verdict: 'deny', reason: 'no contract' })
      const { how, output } = await asking.ended
      expect(output).toMatch(/^denied /m)
      expect(how, output).toBe(3)
    },
    180_000,
  )

  it("that claim another's agent are refused, told so, and recorded", async () => {
    const registered = await running.call('/v1/agents', {
      token: running.tokens.replay,
      body: { name: 'their-bot', kind: 'agent' },
    })
    expect(registered.status, registered.text).toBeLessThan(300)
    const asking = startForeign(programs.python, { ...scram(), COUNTERSIGN_AGENT: 'their-bot' })
    const { how, output } = await asking.ended
    expect(how, output).toBe(3)
    const code = /^refused .* (?<code>[a-z_]+)$/m.exec(output)?.groups?.['code'] ?? output
    expect(await refusals(code)).toBe(1)
  }, 180_000)

  it.each([
    ["another's topic", 'countersign.intents.v1.replay'],
    ['the topic of events', 'countersign.events.v1'],
    ['the topic of decisions', 'countersign.decisions.v1.etl'],
    ['the audit topic', 'countersign.audit.v1'],
  ])('cannot write %s, and the broker keeps the attempt', async (_name, topic) => {
    const { KAFKA_BROKERS, KAFKA_CA_FILE, KAFKA_CERT_FILE, KAFKA_KEY_FILE } = mtls() as Record<string, string>
    const settings = [
      `bootstrap.servers=${KAFKA_BROKERS}`,
      'security.protocol=SSL',
      `ssl.ca.location=${KAFKA_CA_FILE}`,
      `ssl.certificate.location=${KAFKA_CERT_FILE}`,
      `ssl.key.location=${KAFKA_KEY_FILE}`,
    ].flatMap((setting) => ['-X', setting])
    const write = ['bash', '-c', 'echo forged | kcat "$@"', 'kcat', '-P', '-t', topic, ...settings] as const
    const { how, output } = await startForeign(write, {}).ended
    expect(how, output).not.toBe(0)
    expect(output).toContain('authorization failed')
    const log = () => readFileSync(join(running.dataDir, 'kafka', 'broker.log'), 'utf8')
    await until(async () => new RegExp(`User:etl is Denied operation = (WRITE|DESCRIBE) .*${topic}`).test(log()), {
      what: 'the denied attempt in the log of the broker',
    })
  })

  it('that are a SIEM read valid OCSF, and killed again and again miss no row and keep none twice', async () => {
    const file = join(running.dataDir, 'audit.jsonl')
    const environment = { ...kafkaEnvironment(running, 'siem', 'tls'), AUDIT_FILE: file }
    const size = () => (existsSync(file) ? readFileSync(file).byteLength : 0)
    for (let kill = 0; kill < 3; kill += 1) {
      const before = size()
      const collecting = startForeign(programs.siem, environment)
      await settled(running, readIntent())
      await until(async () => size() > before, { what: 'rows', withinMs: 120_000 })
      collecting.child.kill('SIGKILL')
      expect((await collecting.ended).how).toBe('SIGKILL')
      await settled(running, readIntent())
    }
    const { rows } = await running.superuser.query<{ log: string; entries: string }>(
      `select h.log_id::text as log, h.size::text as entries from ledger.log_head h order by 1`,
    )
    const entriesInAll = rows.reduce((sum, { entries }) => sum + Number(entries), 0)
    /** Rows in the file; one that is still being written does not count. */
    const rowsOf = () => readFileSync(file, 'utf8').split('\n').slice(0, -1)
    const last = startForeign(programs.siem, environment)
    // What comes twice comes before what is new.
    await until(async () => rowsOf().length >= entriesInAll, { what: 'every row', withinMs: 120_000 })
    last.child.kill('SIGTERM')
    const { how, output } = await last.ended
    expect(how, output).toBe('SIGTERM')
    const collected = rowsOf().map(
      (line) => JSON.parse(line) as { class_uid: number; metadata: { tenant_uid: string; sequence: number } },
    )
    const logs = Map.groupBy(collected, ({ metadata }) => metadata.tenant_uid)
    for (const [tenant, of] of logs) {
      const sequences = of.map(({ metadata }) => metadata.sequence).toSorted((one, other) => one - other)
      const first = sequences[0] ?? 0
      expect(sequences, tenant).toEqual(sequences.map((_, at) => first + at))
      expect(first).toBeLessThanOrEqual(1)
    }
    const validators = ocsfValidators()
    for (const row of collected) {
      const validate = validators.get(row.class_uid)
      expect(validate?.(row), JSON.stringify({ class: row.class_uid, errors: validate?.errors })).toBe(true)
    }
  }, 600_000)
})
