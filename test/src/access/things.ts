import { randomUUID } from 'node:crypto'
import { createPostgresBus } from '@countersign/bus'
import { countersign } from '@countersign/client'
import { topics } from '@countersign/contracts'
import { until } from '../instance/until.ts'
import type { Running } from '../running.ts'
import { concreteOf, decide, eventsOf, exportIntent, readReview } from '../stories.ts'
import type { AccessCast } from './cast.ts'
import type { Things } from './requests.ts'

type Requested = Pick<Things, 'intentId' | 'reviewId' | 'presentationDigest'>

/** Makes things of the tenant, as the people and the client whose they are. */
export type Maker = {
  /** A request in review. */
  readonly review: () => Promise<Requested>
  /** A request that was approved. */
  readonly approved: () => Promise<Pick<Things, 'approvedId'>>
  /** A grant that nobody has used. */
  readonly grant: () => Promise<Pick<Things, 'grantId' | 'grantToken'>>
  readonly usedGrant: () => Promise<Pick<Things, 'usedGrantId'>>
  readonly reportedGrant: () => Promise<Pick<Things, 'reportedGrantId'>>
  readonly freeze: () => Promise<Pick<Things, 'freezeId'>>
  /** A chat account that is linked to a person. */
  readonly account: () => Promise<Pick<Things, 'accountId'>>
  readonly all: () => Promise<Things>
}

export const thingsOf = (running: Running, cast: AccessCast): Maker => {
  const body = exportIntent({ agent: { name: cast.agent } })
  const concrete = concreteOf(body)
  const reviewer = cast.token('reviewer') ?? ''
  const client = countersign({ baseUrl: running.baseUrl, token: async () => cast.token('requester') ?? '' })

  const review: Maker['review'] = async () => {
    const { intentId } = await client.publish(body)
    return until(
      async () => {
        const intent = await client.read(intentId)
        if (intent.review === undefined) return undefined
        const { reviewId } = intent.review
        const read = await readReview(running, reviewer, reviewId)
        const { presentationDigest } = read.body
        return read.status === 200 ? { intentId, reviewId, presentationDigest } : undefined
      },
      { what: 'a review' },
    )
  }
  const approved: Maker['approved'] = async () => {
    const { intentId, reviewId } = await review()
    const answer = await decide(running, reviewer, reviewId, { verdict: 'approve', reason: 'checked' })
    if (answer.status >= 300) throw new Error(`the approval was refused: ${answer.text}`)
    return { approvedId: intentId }
  }
  const grant: Maker['grant'] = async () => {
    const { grantId, token } = await client.collect((await approved()).approvedId)
    return { grantId, grantToken: token }
  }
  const usedGrant: Maker['usedGrant'] = async () => {
    const collected = await client.collect((await approved()).approvedId)
    await client.redeem(collected, concrete)
    return { usedGrantId: collected.grantId }
  }
  const reportedGrant: Maker['reportedGrant'] = async () => {
    const { usedGrantId } = await usedGrant()
    await client.report({ grantId: usedGrantId, executionId: randomUUID(), outcome: 'succeeded' })
    return { reportedGrantId: usedGrantId }
  }
  const freeze: Maker['freeze'] = async () => {
    const scope = { kind: 'environment', environment: `access-${randomUUID()}` }
    const answer = await running.call<{ freezeId: string }>('/v1/freezes', {
      token: cast.token('operator') ?? '',
      body: { scope },
    })
    return { freezeId: answer.body.freezeId }
  }
  const account: Maker['account'] = async () => {
    const answer = await running.call<{ accountId: string }>('/v1/accounts', {
      token: cast.token('operator') ?? '',
      body: { provider: 'slack', teamId: 'T0', userId: `U${randomUUID().slice(0, 8)}`, person: cast.person },
    })
    return { accountId: answer.body.accountId }
  }
  return {
    review,
    approved,
    grant,
    usedGrant,
    reportedGrant,
    freeze,
    account,
    all: async () => {
      const reviewed = await review()
      const [event] = await eventsOf(running, reviewed.intentId)
      const eventId = event?.event_id ?? ''
      return {
        agent: cast.agent,
        person: cast.person,
        concrete,
        ...reviewed,
        ...(await approved()),
        ...(await grant()),
        ...(await usedGrant()),
        ...(await reportedGrant()),
        ...(await freeze()),
        ...(await account()),
        quarantineId: await quarantined(running, cast),
        eventId,
        ...(await logWith(running, cast, eventId)),
      }
    },
  }
}

/** A record of the tenant that could not be read. */
const quarantined = async (running: Running, cast: AccessCast): Promise<string> => {
  const bus = createPostgresBus({ pool: running.superuser, log: () => undefined })
  try {
    const headers = { 'content-type': 'application/cloudevents+json' }
    await bus.publish([{ topic: topics.intents('etl'), key: null, value: Buffer.from('no JSON'), headers }])
    return await until(
      async () => {
        const token = cast.token('operator') ?? ''
        const listed = await running.call<{ records?: { quarantineId: string }[] }>('/v1/quarantine', { token })
        return listed.body.records?.[0]?.quarantineId
      },
      { what: 'the quarantined record' },
    )
  } finally {
    await bus.close()
  }
}

/** The tenant's log once it holds the event. */
const logWith = async (running: Running, cast: AccessCast, eventId: string): Promise<Pick<Things, 'log' | 'logSize'>> =>
  until(
    async () => {
      const token = cast.token('auditor') ?? ''
      const listed = await running.call<{ logs: { log: string; size: number }[] }>('/v1/ledger/logs', { token })
      const [own] = listed.body.logs
      if (own === undefined) return undefined
      const proof = await running.call<{ size: number }>(`/v1/ledger/${own.log}/events/${eventId}/proof`)
      return proof.status === 200 ? { log: own.log, logSize: proof.body.size } : undefined
    },
    { what: 'the log with the event' },
  )
