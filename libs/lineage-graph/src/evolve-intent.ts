import type { IntentEventName, RecordedEventOf } from '@countersign/contracts'
import type { Draft } from './delta.ts'
import { nodeId, type NodeKind } from './node.ts'
import { dataEnds } from './target.ts'

type Published = RecordedEventOf<'ActionIntentPublished'>

const published = ({ tenantId, data, recordedAt }: Published, draft: Draft): void => {
  const ref = (kind: NodeKind, key: string) => ({ tenantId, kind, key })
  const { agent, executor } = data
  const intent = draft.node(ref('intent', data.intentId), {
    state: 'published',
    action: data.action,
    target: data.target,
    environment: data.environment,
    agent: agent.subjectId,
    model: agent.model?.name,
    requester: data.requester,
    actionDigest: data.actionDigest,
    publishedAt: recordedAt,
  })
  const asking = draft.node(ref('agent', agent.subjectId), { name: agent.name, principalKind: agent.kind })
  draft.edge(asking, 'asked', intent)
  draft.edge(draft.node(ref('producer', data.producer)), 'registers', asking)
  if (executor.subjectId !== agent.subjectId) {
    draft.node(ref('agent', executor.subjectId), { clientId: executor.clientId })
  }
  if (agent.model !== undefined) {
    const { name, version } = agent.model
    const key = version === undefined ? name : `${name}@${version}`
    draft.edge(draft.node(ref('model', key), { name, version }), 'proposed', intent)
  }
  if (agent.session !== undefined) draft.edge(draft.node(ref('session', agent.session)), 'contains', intent)

  const software = new Set([agent.subjectId, executor.subjectId])
  const people = (subjects: readonly string[]) =>
    subjects.filter((subject) => !software.has(subject)).map((subject) => draft.node(ref('person', subject)))
  for (const person of people(data.owners)) draft.edge(person, 'owns', asking)
  for (const person of people(data.onBehalfOf === null ? [] : [data.onBehalfOf])) draft.edge(person, 'behind', intent)
  for (const person of people(data.delegation)) draft.edge(person, 'delegated', intent)
  for (const person of people(data.assertedParties)) draft.edge(person, 'named', intent)

  const { reads, writes } = dataEnds(tenantId, data)
  for (const dataset of [reads, writes]) {
    if (dataset !== undefined) {
      draft.edge(draft.node(dataset, { environment: data.environment }), 'target_of', intent)
    }
  }
  draft.facts({
    intentId: data.intentId,
    ...(reads === undefined ? {} : { reads: nodeId(reads) }),
    ...(writes === undefined ? {} : { writes: nodeId(writes) }),
  })
}

/** Adds what an event of an intent's own stream says. No case here makes a `flow`: that takes a reported success. */
export const evolveIntent = (event: RecordedEventOf<IntentEventName>, draft: Draft): void => {
  const { tenantId, recordedAt } = event
  const ref = (kind: NodeKind, key: string) => ({ tenantId, kind, key })
  const { intentId } = event.data
  const intent = (attributes: Parameters<Draft['node']>[1] = {}) => draft.node(ref('intent', intentId), attributes)
  const decidedBy = (rules: readonly string[]) => {
    for (const rule of rules) draft.edge(draft.node(ref('rule', rule)), 'decided', intent())
  }
  /** One grant, one execution: the grant's id names both, for the later events carry no other. */
  const execution = (grantId: string, attributes: Parameters<Draft['node']>[1]) => {
    const node = draft.node(ref('execution', grantId), attributes)
    draft.edge(draft.node(ref('grant', grantId)), 'ran', node)
    return node
  }
  switch (event.type) {
    case 'ActionIntentPublished':
      return published(event, draft)
    case 'PolicyEvaluated': {
      const { policySetDigest, reasons, effect, code } = event.data
      draft.edge(draft.node(ref('policy_set', policySetDigest)), 'decided', intent({ effect, code }))
      for (const { rule, effect: said } of reasons) {
        draft.edge(draft.node(ref('rule', rule)), 'decided', intent(), { effect: said })
      }
      return
    }
    case 'IntentAllowed':
      intent({ state: 'allowed' })
      return decidedBy(event.data.rules)
    case 'IntentDenied':
      intent({ state: 'denied', code: event.data.code })
      return decidedBy(event.data.rules)
    case 'ReviewRequested': {
      const { reviewId, seats, deadline, rules } = event.data
      const review = draft.node(ref('review', reviewId), {
        state: 'open',
        deadline,
        seats: seats.map(({ group, count }) => `${group} ${count}`).join(', '),
      })
      draft.edge(intent({ state: 'in_review' }), 'asks_review', review)
      return decidedBy(rules)
    }
    case 'VerdictRecorded': {
      const { verdict, person, reviewId, channel, assurance } = event.data
      const kind = verdict === 'approve' ? 'approved' : 'denied'
      const review = draft.node(ref('review', reviewId))
      draft.edge(draft.node(ref('person', person)), kind, review, { channel, assurance })
      return
    }
    case 'ReviewApproved': {
      const review = draft.node(ref('review', event.data.reviewId), { state: 'approved' })
      intent({ state: 'approved' })
      return draft.facts({ intentId, approvedReview: review })
    }
    case 'ReviewDenied':
      draft.node(ref('review', event.data.reviewId), { state: 'denied' })
      intent({ state: 'denied' })
      return
    case 'IntentWithdrawn':
      intent({ state: 'withdrawn', withdrawnBy: event.data.by })
      return
    case 'IntentExpired':
      intent({ state: 'expired' })
      return
    case 'GrantIssued': {
      const { grantId, executor, expiresAt } = event.data
      const grant = draft.node(ref('grant', grantId), { state: 'issued', expiresAt })
      draft.edge(intent({ state: 'granted' }), 'granted', grant)
      draft.edge(draft.node(ref('agent', executor)), 'collected', grant)
      return draft.facts({ intentId, grant, grantedAt: recordedAt })
    }
    case 'GrantRedeemed':
      draft.node(ref('grant', event.data.grantId), { state: 'redeemed', redeemedAt: event.data.redeemedAt })
      intent({ state: 'redeemed' })
      return
    case 'GrantRevoked': {
      const { grantId, by, cause } = event.data
      const grant = draft.node(ref('grant', grantId), { state: 'revoked' })
      draft.edge(draft.node(ref('person', by)), 'revoked', grant, { cause })
      intent({ state: 'revoked' })
      return
    }
    case 'GrantExpired':
      draft.node(ref('grant', event.data.grantId), { state: 'expired' })
      intent({ state: 'grant_expired' })
      return
    case 'ExecutionStarted':
      execution(event.data.grantId, { state: 'started', executionId: event.data.executionId })
      return
    case 'ExecutionSucceeded': {
      const { grantId, executionId, rows, bytes } = event.data
      const node = execution(grantId, { state: 'succeeded', executionId, rows, bytes })
      intent({ state: 'succeeded' })
      return draft.facts({ intentId, execution: node, executedAt: recordedAt })
    }
    case 'ExecutionFailed': {
      const { grantId, executionId, rows, bytes, code } = event.data
      execution(grantId, { state: 'failed', executionId, rows, bytes, code })
      intent({ state: 'failed' })
      return
    }
    case 'ExecutionUnknown':
      execution(event.data.grantId, { state: 'unknown', code: event.data.code })
      intent({ state: 'unknown' })
      return
    case 'ExecutionReconciled': {
      const { grantId, outcome, by } = event.data
      const node = execution(grantId, { state: outcome, reconciled: true })
      draft.edge(draft.node(ref('person', by)), 'reconciled', node, { outcome })
      intent({ state: 'reconciled' })
      return outcome === 'succeeded' ? draft.facts({ intentId, execution: node, executedAt: recordedAt }) : undefined
    }
    default:
      return event satisfies never
  }
}
