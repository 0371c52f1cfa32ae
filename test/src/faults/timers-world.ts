import { type EventStore, newId, type StreamRef } from '@countersign/event-store'
import type pg from 'pg'
import { ServiceProcess } from '../instance/service-process.ts'

const eventsAtOnce = 500
const digest = `sha256:${'a'.repeat(64)}`

export type TimersOptions = {
  /** Everything that policy is told. */
  readonly settings: Readonly<Record<string, string>>
  /** The store in intake's role. */
  readonly intake: EventStore
  readonly superuser: pg.Pool
  readonly tenantId: string
}

/** An intent whose end was recorded: how often, and how long after its deadline, by the database's clock. */
export type Fired = { readonly intentId: string; readonly times: number; readonly lateMs: number }

/** Intents that end at a deadline, and policy as processes that see to it. */
export const timersWorld = ({ settings, intake, superuser, tenantId }: TimersOptions) => {
  const expected: string[] = []
  const started: ServiceProcess[] = []

  const published = (ref: StreamRef, deadline: string) => ({
    type: 'ActionIntentPublished' as const,
    data: {
      intentId: ref.streamId,
      producer: 'crew',
      agent: { subjectId: tenantId, name: 'etl-bot', kind: 'agent' as const },
      requester: tenantId,
      executor: { subjectId: tenantId, clientId: 'etl-bot' },
      onBehalfOf: null,
      owners: [],
      delegation: [],
      assertedParties: [],
      action: 'data.read',
      target: 'db/orders',
      environment: 'production',
      payload: { sealedId: ref.streamId, parametersCommitment: digest },
      bindingVersion: 1 as const,
      actionDigest: digest,
      requestFingerprint: `hmac-sha256:${'b'.repeat(64)}`,
      deadline,
    },
  })

  return {
    /** One more process of policy. */
    startTimer: async (): Promise<ServiceProcess> => {
      const timer = await ServiceProcess.start('policy', settings)
      started.push(timer)
      return timer
    },
    /** Publishes intents that nobody decides, each with a deadline so many milliseconds from now, by the database's clock. */
    publish: async (dueInMs: readonly number[]): Promise<void> => {
      for (let at = 0; at < dueInMs.length; at += eventsAtOnce) {
        const commands = dueInMs
          .slice(at, at + eventsAtOnce)
          .map((inMs) => ({ inMs, streams: [{ kind: 'intent', streamId: newId(), tenantId }] as [StreamRef] }))
        const outcomes = await intake.executeBatch(commands, {
          decide: ({ inMs, streams: [stream] }, { now }) => {
            const deadline = new Date(Date.parse(now) + inMs).toISOString()
            return { append: [{ stream, events: [published(stream, deadline)] }], answer: undefined }
          },
        })
        for (const outcome of outcomes) if (outcome.status === 'failed') throw outcome.error
        expected.push(...commands.map(({ streams: [{ streamId }] }) => streamId))
      }
    },
    /** Intents that were published and whose end is recorded. */
    fired: async (): Promise<Fired[]> => {
      const { rows } = await superuser.query<{ id: string; times: number; late: number }>(
        `select stream_id as id, count(*)::integer as times,
           max(extract(epoch from recorded_at - (data ->> 'deadline')::timestamptz))::float8 * 1000 as late
         from countersign.event where kind = 'intent' and type like '%.IntentExpired.%' and stream_id = any ($1::uuid[])
         group by stream_id`,
        [expected],
      )
      return rows.map(({ id, times, late }) => ({ intentId: id, times, lateMs: late }))
    },
    /** How many intents were published in all. */
    get expected(): number {
      return expected.length
    },
    /** Ends every process that still runs. */
    stopTimers: async (): Promise<void> => {
      for (const timer of started.splice(0)) await timer.kill()
    },
  }
}

export type TimersWorld = ReturnType<typeof timersWorld>
