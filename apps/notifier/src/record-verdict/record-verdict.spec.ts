import { isRefusal } from '@countersign/contracts'
import { newId } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../asking.fixture.ts'
import { ChangeGroup, RegisterPerson } from '../index.ts'
import { type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'
import { RecordVerdict } from './record-verdict.handler.ts'
import type { VerdictAttempt } from './verdict-attempt.ts'

let at: NotifierWorld
let verdicts: RecordVerdict
let crowd: string[]
const racers = 16

beforeAll(async () => {
  at = await startWorld()
  verdicts = new RecordVerdict({
    store: at.stores.notifier,
    keyring: at.notifierKeys,
    collectWithinMs: 60_000,
    onRecorded: () => undefined,
  })
  const seed = { tenantId: at.spec.tenantId, seeded: true, changedBy: null } as const
  const people = new RegisterPerson(at.spec.poolOf('notifier'), at.stores.notifier)
  const registered = Array.from({ length: racers }, (_, index) =>
    people.handle({ ...seed, issuer: at.idp.issuer, subject: `p${index}`, displayName: `P${index}`, active: true }),
  )
  crowd = (await Promise.all(registered)).map(({ person }) => person)
  await new ChangeGroup(at.stores.notifier).handle({ ...seed, group: 'crowd', add: crowd, remove: [] })
})
afterAll(() => at.stop())

/** A review of the crowd with its card shown. */
const shown = async (count: number) => {
  const asking = await at.ask({ seats: [{ group: 'crowd', count }] })
  await at.carry(asking)
  await at.card(asking)
  const [presented] = await at.attemptsNamed(asking, 'ReviewPresented')
  return { asking, presentationDigest: presented?.presentationDigest ?? '' }
}
const attempt = (
  { tenantId, intentId, reviewId }: Asking,
  person: string,
  over: Partial<VerdictAttempt> = {},
): VerdictAttempt => ({
  tenantId,
  intentId,
  reviewId,
  verdict: 'approve',
  person,
  account: { provider: 'slack', accountId: newId() },
  channel: 'slack',
  assurance: 'chat',
  presentationDigest: '',
  reason: 'all good',
  source: `person/${person}`,
  ...over,
})
const codesOf = (answers: readonly unknown[]) => answers.filter(isRefusal).map(({ code }) => code)

describe('racing verdicts', () => {
  it('answers and records each of 16 people who decide at once, and fills the seats exactly', async () => {
    const { asking, presentationDigest } = await shown(8)
    const answers = await Promise.all(
      crowd.map((person) => verdicts.record(attempt(asking, person, { presentationDigest }))),
    )
    const codes = codesOf(answers)
    expect(codes).toEqual(Array.from({ length: racers - 8 }, () => 'review_closed'))
    const events = await at.eventsOf(asking)
    expect(events.filter(({ type }) => type === 'VerdictRecorded')).toHaveLength(8)
    const approved = events.filter(({ type }) => type === 'ReviewApproved')
    expect(approved).toHaveLength(1)
    const { seats = [] } = (approved[0]?.data ?? {}) as { seats?: { person: string }[] }
    expect(new Set(seats.map(({ person }) => person)).size).toBe(8)
    const late = await at.attemptsNamed(asking, 'VerdictTooLate')
    expect(late).toHaveLength(racers - 8)
    const everybody = events.flatMap((event) => (event.type === 'VerdictRecorded' ? [event.data.person] : []))
    expect(new Set([...everybody, ...late.map(({ person }) => person)])).toEqual(new Set(crowd))
  })

  it('counts one person once, however often they say yes at the same moment', async () => {
    const { asking, presentationDigest } = await shown(2)
    const [person = ''] = crowd
    const answers = await Promise.all(
      Array.from({ length: racers }, () => verdicts.record(attempt(asking, person, { presentationDigest }))),
    )
    expect(codesOf(answers)).toEqual(Array.from({ length: racers - 1 }, () => 'already_voted'))
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toHaveLength(racers - 1)
    expect((await at.eventsOf(asking)).at(-1)?.type).toBe('VerdictRecorded')
  })

  it('lets exactly one of two opposite verdicts end the review', async () => {
    const { asking, presentationDigest } = await shown(1)
    const [yes = '', no = ''] = crowd
    const answers = await Promise.all([
      verdicts.record(attempt(asking, yes, { presentationDigest })),
      verdicts.record(attempt(asking, no, { presentationDigest, verdict: 'deny' })),
    ])
    expect(codesOf(answers)).toEqual(['review_closed'])
    const ends = (await at.eventsOf(asking)).filter(({ type }) => type === 'ReviewApproved' || type === 'ReviewDenied')
    expect(ends).toHaveLength(1)
  })
})

describe('refused verdicts', () => {
  it('are counted exactly, and beyond 20 of one source in 10 s no longer by an event each', async () => {
    const { asking, presentationDigest } = await shown(1)
    for (let tries = 0; tries < 30; tries += 1) {
      expect(await verdicts.record(attempt(asking, at.people.erin, { presentationDigest }))).toMatchObject({
        code: 'not_eligible',
      })
    }
    const { rows } = await at.spec.superuser.query<{ total: string; recorded: string; most: string }>(
      `select sum(total) as total, sum(recorded) as recorded, max(recorded) as most from countersign.refusal_count
       where stream_id = $1 and code = 'not_eligible'`,
      [asking.intentId],
    )
    const events = await at.attemptsNamed(asking, 'VerdictRefused')
    expect(rows[0]).toMatchObject({ total: '30', recorded: String(events.length) })
    expect(Number(rows[0]?.most)).toBeLessThanOrEqual(20)
  })

  it('change nothing when somebody only asks whether they could', async () => {
    const { asking, presentationDigest } = await shown(1)
    const [person = ''] = crowd
    expect(
      await verdicts.ask(attempt(asking, person, { presentationDigest, verdict: 'deny', reason: undefined })),
    ).toBe(undefined)
    expect(await verdicts.ask(attempt(asking, at.people.dana, { presentationDigest }))).toMatchObject({
      code: 'owner_of_agent',
    })
    expect(await at.eventsOf(asking)).toHaveLength(3)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([{ code: 'owner_of_agent' }])
  })

  it('do not let somebody approve who has left the group since the card came', async () => {
    const { asking, presentationDigest } = await shown(1)
    const person = crowd[3] ?? ''
    const groups = new ChangeGroup(at.stores.notifier)
    const change = { tenantId: at.spec.tenantId, seeded: false, changedBy: at.people.olga, group: 'crowd' } as const
    await groups.handle({ ...change, add: [], remove: [person] })
    expect(await verdicts.record(attempt(asking, person, { presentationDigest }))).toMatchObject({
      code: 'not_eligible',
    })
  })
})
