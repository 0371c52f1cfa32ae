import { randomUUID } from 'node:crypto'
import type { GroupList, IntentView, PublishIntentBody, ReviewView } from '@countersign/contracts'
import type { Answer } from './instance/call.ts'
import { until } from './instance/until.ts'
import type { Running } from './running.ts'

/** A customer export: it needs a data owner's yes. */
export const exportIntent = (over: Partial<PublishIntentBody> = {}): PublishIntentBody => ({
  agent: { name: 'etl-bot', model: { name: 'm-4', version: '2026-10' }, session: 'nightly-7' },
  action: 'data.export',
  target: 's3://partner-eu',
  environment: 'production',
  parameters: { bucket: 's3://partner-eu', table: 'customers' },
  rationale: 'The partner asked for a refresh.',
  ...over,
})

/** A read: policy allows it at once. */
export const readIntent = (over: Partial<PublishIntentBody> = {}): PublishIntentBody =>
  exportIntent({ action: 'data.read', target: 'postgres://warehouse/orders', parameters: { table: 'orders' }, ...over })

/** What the executor is about to run: exactly what was asked. */
export const concreteOf = ({ action, target, environment, parameters }: PublishIntentBody) => ({
  action,
  target,
  environment,
  parameters: parameters as Record<string, never>,
})

export type Reviewed = { readonly intentId: string; readonly reviewId: string; readonly body: PublishIntentBody }

/** Publishes an intent and waits until it is decided or in review. */
export const settled = async ({ client }: Running, body: PublishIntentBody): Promise<IntentView> => {
  const { intentId } = await client.publish(body)
  return until(
    async () => {
      const intent = await client.read(intentId)
      return intent.state === 'published' ? undefined : intent
    },
    { what: 'a decision' },
  )
}

/** Publishes an intent that needs a human and waits until its review is open to reviewers. */
export const inReview = async (running: Running, body = exportIntent()): Promise<Reviewed> => {
  const { intentId, review, state } = await settled(running, body)
  if (review === undefined) throw new Error(`the intent is ${state}, not in review`)
  const { reviewId } = review
  await until(async () => (await readReview(running, running.tokens.ben, reviewId)).status === 200, {
    what: 'the review',
  })
  return { intentId, reviewId, body }
}

export const readReview = (running: Running, token: string, reviewId: string): Promise<Answer<ReviewView>> =>
  running.call<ReviewView>(`/v1/reviews/${reviewId}`, { token })

export type Verdict = { readonly verdict: 'approve' | 'deny'; readonly reason?: string }

/** Reads the review as the person and gives the verdict on what was read. */
export const decide = async (running: Running, token: string, reviewId: string, verdict: Verdict): Promise<Answer> => {
  const read = await readReview(running, token, reviewId)
  const { presentationDigest } = read.body
  return running.call(`/v1/reviews/${reviewId}/verdicts`, { token, body: { ...verdict, presentationDigest } })
}

/** An export that ben approved. */
export const approved = async (running: Running, body = exportIntent()): Promise<Reviewed> => {
  const reviewed = await inReview(running, body)
  const answer = await decide(running, running.tokens.ben, reviewed.reviewId, { verdict: 'approve', reason: 'checked' })
  if (answer.status >= 300) throw new Error(`the approval was refused: ${answer.text}`)
  return reviewed
}

export type EventRow = { readonly type: string; readonly event_id: string; readonly data: Record<string, unknown> }

/** Events of a stream in order, with their short names. */
export const eventsOf = async (
  { superuser }: Running,
  intentId: string,
  kind: 'intent' | 'attempts' = 'intent',
): Promise<EventRow[]> => {
  const condition = kind === 'intent' ? 'stream_id = $1::uuid' : `data ->> 'intentId' = $1`
  const { rows } = await superuser.query<EventRow>(
    `select split_part(type, '.', 3) as type, event_id, data from countersign.event
     where kind = '${kind}' and ${condition} order by position`,
    [intentId],
  )
  return rows
}

export const typesOf = async (running: Running, intentId: string): Promise<string[]> =>
  (await eventsOf(running, intentId)).map(({ type }) => type)

/** Refused attempts around an intent: `Type code`. */
export const refusalsOf = async (running: Running, intentId: string): Promise<string[]> =>
  (await eventsOf(running, intentId, 'attempts'))
    .filter(({ data }) => typeof data['code'] === 'string')
    .map(({ type, data }) => `${type} ${String(data['code'])}`)

/** A second person reviews what Ben changed in a group: from then on whom he put there counts. */
const reviewGroup = async (running: Running, group: string): Promise<void> => {
  const { dana: token } = running.tokens
  const listed = await running.call<GroupList>(`/v1/directory/groups?name=${group}`, { token })
  const upTo = listed.body.groups[0]?.openChanges.at(-1)?.changeId
  const body = { name: group, upTo, reason: 'are colleagues' }
  const reviewed = await running.call('/v1/directory/groups/review', { token, body })
  if (reviewed.status >= 300) throw new Error(`the group was not reviewed: ${reviewed.text}`)
}

/** A person who signs in with a minted token, registered by an operator, a member of the group. */
export const newReviewers = async (running: Running, group: string, count: number): Promise<string[]> => {
  const { issuer } = running.credentials
  const subjects = Array.from({ length: count }, () => `reviewer-${randomUUID()}`)
  const people: string[] = []
  for (const subject of subjects) {
    const answer = await running.call<{ person: string }>('/v1/directory/people', {
      token: running.tokens.ben,
      body: { issuer, subject, displayName: 'A reviewer' },
    })
    people.push(answer.body.person)
  }
  const added = await running.call('/v1/directory/groups', { token: running.tokens.ben, body: { group, add: people } })
  if (added.status !== 200) throw new Error(`the group was not changed: ${added.text}`)
  await reviewGroup(running, group)
  return Promise.all(subjects.map((sub) => running.mint.token({ sub, amr: ['pwd', 'mfa'] })))
}
