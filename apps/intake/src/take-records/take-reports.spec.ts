import { randomUUID } from 'node:crypto'
import { topics } from '@countersign/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { intakeOnBus, type IntakeOnBus, reportEvent, reportRecord } from './records.fixture.ts'

let at: IntakeOnBus
beforeAll(async () => {
  at = await intakeOnBus()
})
afterAll(() => at.close())
beforeEach(async () => {
  await at.superuser.query('delete from countersign.refusal_count')
})

const refused = () => at.events('CommandRefused')
const stateOf = async (intentId: string) =>
  (await at.call({ as: 'etl', method: 'GET', path: `/v1/intents/${intentId}` })).answer['state']

const report = (intentId: string, data: object, change: object = {}) =>
  reportRecord(reportEvent(intentId, { executionId: randomUUID(), outcome: 'succeeded', ...data }, { ...change }), {
    key: intentId,
  })

describe('an execution report on the bus', () => {
  it('ends what its producer published on the bus, collected and redeemed over HTTP', async () => {
    const { intentId, grantId, redeemed } = await at.granted()
    expect(redeemed).toBe('ok')
    const executionId = randomUUID()
    await at.write(report(intentId, { grantId, executionId, outcome: 'started' }))
    await at.write(report(intentId, { grantId, executionId, exitCode: 0, rows: 12 }))
    expect(await stateOf(intentId)).toBe('succeeded')
    expect((await at.events('ExecutionSucceeded')).at(-1)).toMatchObject({ intentId, grantId, executionId, rows: 12 })
    expect(await refused()).toEqual([])
  })

  it('ends what an agent’s own client collected and redeemed: the topic says that its producer reports', async () => {
    const { intentId, grantId, redeemed } = await at.granted({ executor: 'etl-bot' })
    expect(redeemed).toBe('ok')
    await at.write(report(intentId, { grantId }))
    expect(await stateOf(intentId)).toBe('succeeded')
  })

  it('changes nothing when it comes again', async () => {
    const { intentId, grantId } = await at.granted()
    const record = report(intentId, { grantId })
    await at.write(record, record)
    await at.write(record)
    expect((await at.events('ExecutionSucceeded')).filter((event) => event['intentId'] === intentId)).toHaveLength(1)
    expect(await at.counted()).toEqual({})
  })

  it.each([
    ['without a redemption', 'not_redeemed', { redeem: false }, {}],
    ['with an error beside success', 'invalid_request', {}, { code: 'disk_full' }],
    ['with an exit code beside success', 'invalid_request', {}, { exitCode: 3 }],
  ])('%s is refused, recorded and counted once', async (_name, code, made, data) => {
    const { intentId, grantId } = await at.granted(made)
    const record = report(intentId, { grantId, ...data }, { id: `report-${code}` })
    await at.write(record)
    expect((await refused()).at(-1)).toMatchObject({
      command: 'report_execution',
      code,
      carrier: 'bus',
      requestId: `report-${code}`,
      count: 1,
      metadata: { producer: 'etl' },
    })
    expect(await at.counted()).toEqual({ [code]: 1 })
    expect(await stateOf(intentId)).toBe(code === 'not_redeemed' ? 'granted' : 'redeemed')
  })

  it('that contradicts the first one is refused', async () => {
    const { intentId, grantId } = await at.granted()
    const executionId = randomUUID()
    await at.write(report(intentId, { grantId, executionId }))
    await at.write(
      report(intentId, { grantId, executionId, outcome: 'failed', code: 'late' }, { id: 'second-thought' }),
    )
    await at.write(report(intentId, { grantId }, { id: 'second-run' }))
    expect((await refused()).slice(-2)).toEqual([
      expect.objectContaining({ code: 'already_reported', requestId: 'second-thought', intentId }),
      expect.objectContaining({ code: 'already_reported', requestId: 'second-run', intentId }),
    ])
    expect(await stateOf(intentId)).toBe('succeeded')
  })

  it('by another producer is refused: its topic says who it is', async () => {
    const { intentId, grantId } = await at.granted()
    await at.write({ ...report(intentId, { grantId }, { id: 'theirs' }), topic: topics.executions('rival') })
    expect((await refused()).at(-1)).toMatchObject({
      code: 'wrong_executor',
      requestId: 'theirs',
      metadata: { producer: 'rival' },
    })
    expect(await stateOf(intentId)).toBe('redeemed')
  })

  it.each([
    ['an unknown grant', 'unknown_grant', () => ({ grantId: randomUUID() }), undefined],
    ['another intent as subject', 'wrong_subject', () => ({}), randomUUID()],
    ['a wrong field', 'invalid_request', () => ({ exitCode: 1_000_000_000 }), undefined],
    ['an output', 'unknown_field', () => ({ output: 'x' }), undefined],
  ])('with %s is refused and recorded', async (_name, code, data, subject) => {
    const { intentId, grantId } = await at.granted()
    await at.write(report(subject ?? intentId, { grantId, ...data() }))
    expect((await refused()).at(-1)).toMatchObject({ command: 'report_execution', code, carrier: 'bus' })
    expect(await stateOf(intentId)).toBe('redeemed')
  })

  it('B129 with a key that is not the intent is refused: the key is what orders reports', async () => {
    const { intentId, grantId } = await at.granted()
    await at.write(
      { ...report(intentId, { grantId }), key: randomUUID() },
      { ...report(intentId, { grantId }), key: null },
    )
    expect((await refused()).slice(-2).map(({ code }) => code)).toEqual(['wrong_subject', 'wrong_subject'])
  })

  it('an intent on the topic of reports, and garbage, are refused and quarantined', async () => {
    await at.write(reportRecord({ id: 'x1', type: 'dev.countersign.ActionIntent.v1' }), reportRecord('not json'))
    expect(
      (await refused())
        .slice(-2)
        .map(({ code }) => String(code))
        .toSorted(),
    ).toEqual(['invalid_json', 'wrong_event_type'])
    const [row] = await at.rows<{ reason: string; topic: string }>('select reason, topic from intake.quarantined')
    expect(row).toMatchObject({ reason: 'invalid_json', topic: topics.executions('etl') })
  })
})
