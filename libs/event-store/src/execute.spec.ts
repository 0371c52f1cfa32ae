import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandHandler } from './command.ts'
import { eventStore } from './event-store.ts'
import type { Loaded } from './load-streams.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const storeOf = (service: 'intake' | 'policy' | 'notifier') =>
  eventStore(spec.poolOf(service), { metadata: { service } })
const intent = (): StreamRef => ({ kind: 'intent', streamId: newId(), tenantId: spec.tenantId })
const digest = `sha256:${'0'.repeat(64)}`

const withdrawn = (ref: StreamRef) => ({
  type: 'IntentWithdrawn' as const,
  data: { intentId: ref.streamId, by: newId() },
})
const expired = (ref: StreamRef) => ({
  type: 'IntentExpired' as const,
  data: { intentId: ref.streamId, deadline: '2026-11-21T10:00:00.000Z' },
})
const verdict = (ref: StreamRef, person = newId()) => ({
  type: 'VerdictRecorded' as const,
  data: {
    intentId: ref.streamId,
    reviewId: ref.streamId,
    verdict: 'approve' as const,
    person,
    account: { provider: 'api', accountId: person },
    eligibleSeats: ['ops'],
    assurance: 'sso' as const,
    channel: 'api' as const,
    actionDigest: digest,
    presentationDigest: digest,
  },
})
const approved = (ref: StreamRef, person = newId()) => ({
  type: 'ReviewApproved' as const,
  data: {
    intentId: ref.streamId,
    reviewId: ref.streamId,
    seats: [{ group: 'ops', person }],
    collectBefore: '2026-11-21T10:00:00.000Z',
  },
})
const typesOf = (loaded: Loaded, ref: StreamRef) => loaded.of(ref).events.map((event) => event.type)

type Withdraw = { readonly streams: readonly [StreamRef]; readonly name: string }
const withdraws = (count: number): Withdraw[] =>
  Array.from({ length: count }, (_, place) => ({ streams: [intent()] as const, name: `w${place}` }))

describe('execute', () => {
  it('answers and records all of 16 racers on one stream, in five rounds', async () => {
    const store = storeOf('notifier')
    for (let round = 0; round < 5; round += 1) {
      const ref = intent()
      const people = Array.from({ length: 16 }, newId)
      const answers = await Promise.all(
        people.map((person) =>
          store.execute(
            { streams: [ref] },
            {
              decide: (_, loaded) => ({
                append: [{ stream: ref, events: [verdict(ref, person)] }],
                answer: `${person} after ${loaded.of(ref).version}`,
              }),
            },
          ),
        ),
      )
      const events = (await store.load([ref])).of(ref).events
      const recorded = events.map((event) => (event.type === 'VerdictRecorded' ? event.data.person : 'other'))
      expect(recorded.toSorted()).toEqual(people.toSorted())
      // Each decision saw everything that was recorded before its own.
      expect(answers.map((item) => item.answer).toSorted()).toEqual(
        recorded.map((person, version) => `${person} after ${version}`).toSorted(),
      )
    }
  })

  it('never leaves half of an approval beside an expiry', async () => {
    const refs = Array.from({ length: 30 }, intent)
    const undecided = (loaded: Loaded, ref: StreamRef) => loaded.of(ref).version === 0
    await Promise.all(
      refs.flatMap((ref) => [
        storeOf('notifier').execute(
          { streams: [ref] },
          {
            decide: (_, loaded) => ({
              append: undecided(loaded, ref) ? [{ stream: ref, events: [verdict(ref), approved(ref)] }] : [],
              answer: undefined,
            }),
          },
        ),
        storeOf('policy').execute(
          { streams: [ref] },
          {
            decide: (_, loaded) => ({
              append: undecided(loaded, ref) ? [{ stream: ref, events: [expired(ref)] }] : [],
              answer: undefined,
            }),
          },
        ),
      ]),
    )
    const loaded = await storeOf('notifier').load(refs)
    for (const ref of refs) {
      expect([['VerdictRecorded', 'ReviewApproved'], ['IntentExpired']]).toContainEqual(typesOf(loaded, ref))
    }
  })

  it('starts over when another transaction reserved the same key first', async () => {
    const ref = intent()
    const attempts: string[] = []
    const row = [spec.tenantId, 'p', newId(), 'f', ref.streamId]
    const insert = 'insert into countersign.idempotency_key values ($1, $2, $3, $4, $5)'
    await storeOf('intake').execute(
      { streams: [ref] },
      {
        decide: () => ({ append: [{ stream: ref, events: [withdrawn(ref)] }], answer: undefined }),
        effects: async (tx) => {
          attempts.push('try')
          if (attempts.length > 1) return
          await spec.superuser.query(insert, row)
          await tx.query(insert, row)
        },
      },
    )
    expect(attempts).toHaveLength(2)
    expect((await storeOf('intake').load([ref])).of(ref).version).toBe(1)
  })

  it('rolls back the events when an effect fails', async () => {
    const ref = intent()
    const failing = storeOf('intake').execute(
      { streams: [ref] },
      {
        decide: () => ({ append: [{ stream: ref, events: [withdrawn(ref)] }], answer: undefined }),
        effects: () => Promise.reject(new Error('effect')),
      },
    )
    await expect(failing).rejects.toThrow('effect')
    expect((await storeOf('intake').load([ref])).of(ref).version).toBe(0)
  })

  it('appends attempts without reading any stream, for the tenant that the command names', async () => {
    const attempts: StreamRef = { kind: 'attempts', streamId: newId(), tenantId: spec.tenantId }
    const event = { type: 'CommandRefused' as const, data: { command: 'freeze', code: 'no', by: null, count: 1 } }
    const counted = await storeOf('intake').execute(
      { streams: [], tenantIds: [spec.tenantId] },
      {
        decide: () => ({ append: [{ stream: attempts, events: [event] }], answer: undefined }),
        effects: async (tx, decided) => {
          await tx.query('select from countersign.refusal_count')
          expect(decided[0]?.events[0]?.version).toBe(1)
        },
      },
    )
    expect(counted.events).toHaveLength(1)
  })

  it('survives the loss of its connection before the commit', async () => {
    const ref = intent()
    let tries = 0
    await storeOf('intake').execute(
      { streams: [ref] },
      {
        decide: () => ({ append: [{ stream: ref, events: [withdrawn(ref)] }], answer: undefined }),
        effects: async (tx) => {
          tries += 1
          const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
          if (tries > 1) return
          await spec.superuser.query('select pg_terminate_backend($1)', [rows[0]?.pid])
          await tx.query('select 1')
        },
      },
    )
    expect(tries).toBe(2)
    expect((await storeOf('intake').load([ref])).of(ref).version).toBe(1)
  })

  it('refuses a decision that moves a stream its command did not name', async () => {
    const [named, other] = [intent(), intent()]
    const stray = storeOf('intake').execute(
      { streams: [named] },
      { decide: () => ({ append: [{ stream: other, events: [withdrawn(other)] }], answer: undefined }) },
    )
    await expect(stray).rejects.toThrow('names')
  })
})

describe('executeBatch', () => {
  const handler = (over: Partial<CommandHandler<Withdraw, undefined, number>>) => ({
    decide: ({ streams: [ref] }: Withdraw, loaded: Loaded) => ({
      append: [{ stream: ref, events: [withdrawn(ref)] }],
      answer: loaded.of(ref).version,
    }),
    ...over,
  })

  it('decides the losers again when the append comes back short, and no one twice', async () => {
    const commands = withdraws(8)
    const [, , raced] = commands
    let batches = 0
    const outcomes = await storeOf('intake').executeBatch(
      commands,
      handler({
        read: async () => {
          batches += 1
          const ref = raced?.streams[0]
          if (batches > 1 || ref === undefined) return undefined
          await storeOf('policy').execute(
            { streams: [ref] },
            { decide: () => ({ append: [{ stream: ref, events: [expired(ref)] }], answer: 0 }) },
          )
          return undefined
        },
      }),
    )
    expect(outcomes.map((outcome) => outcome.status === 'decided' && outcome.answer)).toEqual([0, 0, 1, 0, 0, 0, 0, 0])
    const loaded = await storeOf('intake').load(commands.flatMap((command) => command.streams))
    expect(commands.map((command) => typesOf(loaded, command.streams[0]).join())).toEqual(
      commands.map((command) => (command === raced ? 'IntentExpired,IntentWithdrawn' : 'IntentWithdrawn')),
    )
    // All together, the seven winners together, the loser alone.
    expect(batches).toBe(3)
  })

  it('halves a batch until the one whose effect fails is alone, and records all others', async () => {
    const commands = withdraws(9)
    const outcomes = await storeOf('intake').executeBatch(
      commands,
      handler({
        effects: async (_, decided) => {
          if (decided.some((item) => item.command.name === 'w4')) throw new Error('poison')
        },
      }),
    )
    expect(outcomes.map((outcome) => outcome.status)).toEqual(
      commands.map((command) => (command.name === 'w4' ? 'failed' : 'decided')),
    )
    const loaded = await storeOf('intake').load(commands.flatMap((command) => command.streams))
    expect(commands.map((command) => loaded.of(command.streams[0]).version)).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1])
  })

  it('decides commands of one stream one after the other, in their order', async () => {
    const ref = intent()
    const commands = ['a', 'b', 'c'].map((name) => ({ streams: [ref] as const, name }))
    const outcomes = await storeOf('intake').executeBatch(commands, handler({}))
    expect(outcomes.map((outcome) => outcome.status === 'decided' && outcome.answer)).toEqual([0, 1, 2])
  })

  it('divides what would be more than 500 events', async () => {
    const commands = withdraws(60)
    const outcomes = await storeOf('intake').executeBatch(
      commands,
      handler({
        decide: ({ streams: [ref] }) => ({
          append: [{ stream: ref, events: Array.from({ length: 10 }, () => withdrawn(ref)) }],
          answer: 10,
        }),
      }),
    )
    expect(outcomes.every((outcome) => outcome.status === 'decided')).toBe(true)
    const loaded = await storeOf('intake').load(commands.flatMap((command) => command.streams))
    expect(commands.every((command) => loaded.of(command.streams[0]).version === 10)).toBe(true)
  })

  it('survives overlapping batches over the same streams', async () => {
    const refs = Array.from({ length: 20 }, intent)
    const batch = () =>
      storeOf('intake').executeBatch(
        refs.map((ref) => ({ streams: [ref] as const, name: 'w' })),
        handler({}),
      )
    const outcomes = (await Promise.all([batch(), batch(), batch(), batch()])).flat()
    expect(outcomes.filter((outcome) => outcome.status !== 'decided')).toEqual([])
    const loaded = await storeOf('intake').load(refs)
    expect(refs.map((ref) => loaded.of(ref).version)).toEqual(refs.map(() => 4))
  })
})
