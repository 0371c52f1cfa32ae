import { type GrantView, isRefusal, type Refusal } from '@countersign/contracts'
import {
  deploymentKeyFromFile,
  eventStore,
  keyring,
  newId,
  type StoredEvent,
  type StoreRole,
  type StreamRef,
} from '@countersign/event-store'
import { intakeBench } from '@countersign/intake/intake-fixture'
import { migrateNotifier, RecordVerdict } from '@countersign/notifier'
import { ExpireIntents, migratePolicy } from '@countersign/policy'
import { createLog } from '@countersign/service-kit'
import { until } from '../instance/until.ts'

/** A review that is open, and what its racers need to know. */
export type OpenReview = {
  readonly intentId: string
  readonly reviewId: string
  readonly actionDigest: string
}

/** The intent's own agent, or an operator. */
export type Asking = 'agent' | 'operator'

const group = 'data-owners'
const presentationDigest = `sha256:${'5'.repeat(64)}`
const hourMs = 3_600_000
const timers = 2

/**
 * Reviews on one store, and the real handlers of intake, notifier and policy over connections of their own roles. What only
 * comes before a race is written by the role whose event it is.
 */
export const racedReviews = async () => {
  const bench = await intakeBench()
  const { tenantId } = bench
  await migratePolicy(bench.urlOf('owner'))
  await migrateNotifier(bench.urlOf('owner'))
  const deploymentKey = await deploymentKeyFromFile(bench.deploymentKeyFile)
  const storeOf = (service: 'policy' | 'notifier') => eventStore(bench.poolOf(service), { metadata: { service } })
  const [policy, notifier] = [storeOf('policy'), storeOf('notifier')]
  const verdicts = new RecordVerdict({
    store: notifier,
    keyring: keyring({ pool: bench.poolOf('notifier'), deploymentKey }),
    collectWithinMs: hourMs,
    onRecorded: () => undefined,
  })
  const log = createLog({ service: 'policy', level: 'silent' })
  const sweepers = Array.from(
    { length: timers },
    () => new ExpireIntents({ pool: bench.poolOf('policy'), store: policy, log }),
  )
  for (const sweeper of sweepers) await sweeper.start()
  const people = await Promise.all(['ben', 'cora', 'erin'].map((name) => bench.addPerson(name, [group])))
  const operator = {
    kind: 'person',
    tenantId,
    subjectId: await bench.addPerson('olga', ['operators']),
    groups: ['operators'],
  } as const

  const refOf = (intentId: string, kind: 'intent' | 'attempts' = 'intent'): StreamRef => ({
    kind,
    streamId: intentId,
    tenantId,
  })

  /** Publishes intents and opens their reviews; `endsInMs` says when each is over. */
  const open = async (endsInMs: readonly number[]): Promise<OpenReview[]> => {
    const answers = await bench.publish.handle(
      endsInMs.map(() => ({
        caller: bench.caller,
        body: bench.body({ action: 'data.export', target: 's3://partner-eu' }),
        idempotencyKey: newId(),
      })),
    )
    const reviews = answers.map((answer) => {
      if (answer instanceof Error || isRefusal(answer)) throw new Error('not published', { cause: answer })
      const { intentId, actionDigest } = answer.view
      return { intentId, actionDigest, reviewId: newId(), streams: [refOf(intentId)] as const }
    })
    const ends = new Map(reviews.map(({ intentId }, at) => [intentId, endsInMs[at] ?? hourMs]))
    await policy.executeBatch(reviews, {
      decide: ({ intentId, reviewId, streams: [stream] }, { now }) => ({
        append: [
          {
            stream,
            events: [
              {
                type: 'ReviewRequested',
                data: {
                  intentId,
                  reviewId,
                  rules: ['exports-need-a-data-owner'],
                  seats: [{ group, count: 1 }],
                  deadline: new Date(Date.parse(now) + (ends.get(intentId) ?? hourMs)).toISOString(),
                  grantTtlMs: 900_000,
                  excludedAuthors: [],
                  requestedAt: now,
                },
              },
            ],
          },
        ],
        answer: undefined,
      }),
    })
    const shown = reviews.map((review) => ({ ...review, streams: [refOf(review.intentId, 'attempts')] as const }))
    await notifier.executeBatch(shown, {
      decide: ({ intentId, reviewId, actionDigest, streams: [stream] }) => ({
        append: [
          {
            stream,
            events: [
              {
                type: 'ReviewPresented',
                data: {
                  intentId,
                  reviewId,
                  channel: 'api',
                  presentationDigest,
                  actionDigest,
                  complete: true,
                  reader: null,
                },
              },
            ],
          },
        ],
        answer: undefined,
      }),
    })
    for (const sweeper of sweepers) sweeper.wake()
    return reviews
  }

  const callerOf = (who: Asking) => (who === 'agent' ? bench.caller : operator)

  return {
    poolOf: (role: StoreRole) => bench.poolOf(role),
    urlOf: (role: StoreRole) => bench.urlOf(role),
    superuser: bench.superuser,
    open,
    collect: (intentId: string): Promise<GrantView | Refusal> => bench.issue.handle(bench.caller, intentId),
    withdraw: (who: Asking, intentId: string): Promise<Refusal | undefined> =>
      bench.withdraw.handle(callerOf(who), intentId),
    revoke: (who: Asking, grantId: string): Promise<Refusal | undefined> => bench.revoke.handle(callerOf(who), grantId),
    /** The verdict of one of three people who may decide. */
    decide: async (
      { intentId, reviewId }: OpenReview,
      who: 0 | 1 | 2,
      verdict: 'approve' | 'deny',
    ): Promise<{ readonly state: string } | Refusal> => {
      const person = people[who] ?? ''
      return verdicts.record({
        tenantId,
        intentId,
        reviewId,
        verdict,
        person,
        account: { provider: 'api', accountId: person },
        channel: 'api',
        assurance: 'sso',
        presentationDigest,
        reason: 'checked',
        source: `person/${person}`,
      })
    },
    /** Events and attempts of each review, once its story is over: a clock may still have to end it. */
    over: (reviews: readonly OpenReview[], isOver: (events: readonly StoredEvent[]) => boolean) =>
      until(
        async () => {
          for (const sweeper of sweepers) sweeper.wake()
          const refs = reviews.map(({ intentId }) => ({
            intent: refOf(intentId),
            attempts: refOf(intentId, 'attempts'),
          }))
          const loaded = await bench.events.load(refs.flatMap(({ intent, attempts }) => [intent, attempts]))
          const stories = refs.map(({ intent, attempts }) => ({
            events: loaded.of(intent).events,
            attempts: loaded.of(attempts).events,
          }))
          return stories.every(({ events }) => isOver(events)) ? stories : undefined
        },
        { what: 'the end of every review', withinMs: 120_000 },
      ),
    /** Resolves once policy waits for no deadline any more. */
    noDeadlines: () =>
      until(
        async () => {
          for (const sweeper of sweepers) sweeper.wake()
          return (await bench.superuser.query('select from policy.deadline limit 1')).rowCount === 0
        },
        { what: 'the end of every deadline', withinMs: 120_000 },
      ),
    close: async () => {
      for (const sweeper of sweepers) await sweeper.stop()
      await bench.close()
    },
  }
}

export type RacedReviews = Awaited<ReturnType<typeof racedReviews>>
