import { randomUUID } from 'node:crypto'
import type { ConcreteAction } from '@countersign/client'
import { groups, type HttpRoute, topics } from '@countersign/contracts'
import type { Answer, CallOptions } from '../instance/call.ts'

/** What there is to ask about: ids of one tenant, or such as no tenant has. */
export type Things = {
  readonly agent: string
  readonly person: string
  /** A request in review. */
  readonly intentId: string
  readonly reviewId: string
  readonly presentationDigest: string
  /** A request that was approved and whose grant nobody has collected. */
  readonly approvedId: string
  /** A grant that nobody has used, and one that was used. */
  readonly grantId: string
  readonly grantToken: string
  readonly usedGrantId: string
  /** One whose run was reported. */
  readonly reportedGrantId: string
  readonly concrete: ConcreteAction
  readonly freezeId: string
  readonly accountId: string
  readonly quarantineId: string
  readonly eventId: string
  readonly log: string
  readonly logSize: number
}

/** Ids that are nobody's, for what only looks like there could be something. */
export const nothing = (things: Things): Things => ({
  ...things,
  agent: `nobody-${things.agent}`,
  person: randomUUID(),
  intentId: randomUUID(),
  reviewId: randomUUID(),
  approvedId: randomUUID(),
  grantId: randomUUID(),
  usedGrantId: randomUUID(),
  reportedGrantId: randomUUID(),
  freezeId: randomUUID(),
  accountId: randomUUID(),
  quarantineId: randomUUID(),
  eventId: randomUUID(),
  log: randomUUID(),
})

const ids = (things: Things): string[] => [
  things.agent,
  things.person,
  things.intentId,
  things.reviewId,
  things.approvedId,
  things.grantId,
  things.usedGrantId,
  things.reportedGrantId,
  things.freezeId,
  things.accountId,
  things.quarantineId,
  things.eventId,
  things.log,
]

/** Whether a text holds any of the ids, beside those that everybody may know. */
export const tellsOf = (things: Things, text: string): boolean => ids(things).some((id) => text.includes(id))

/** What was answered, without what differs between one request and the next. */
export const comparable = ({ status, text }: Answer, things: Things): { status: number; text: string } => ({
  status,
  text: ids(things)
    .reduce((rest, id) => rest.replaceAll(id, 'id'), text)
    .replaceAll(/"requestId":"[^"]*"/g, ''),
})

type Sample = (things: Things) => unknown

const empty: Sample = () => ({})
const because = { reason: 'who may do this' } as const

/** A body for each operation that takes one, good enough to get as far as who is asking. */
const bodies: Readonly<Record<string, Sample>> = {
  publishIntent: ({ agent, concrete }) => ({ agent: { name: agent }, ...concrete }),
  withdrawIntent: empty,
  collectGrant: empty,
  redeemGrant: ({ grantToken, concrete }) => ({ token: grantToken, redemptionId: randomUUID(), ...concrete }),
  revokeGrant: empty,
  reconcileExecution: () => ({ outcome: 'succeeded' }),
  reportExecution: ({ usedGrantId }) => ({ grantId: usedGrantId, executionId: randomUUID(), outcome: 'started' }),
  registerAgent: () => ({ name: `new-${randomUUID()}`, kind: 'agent' }),
  freeze: () => ({ scope: { kind: 'environment', environment: `access-${randomUUID()}` } }),
  unfreezeWithReason: () => ({ reason: 'who may do this' }),
  recordVerdict: ({ presentationDigest }) => ({ verdict: 'deny', presentationDigest, reason: 'who may do this' }),
  registerPerson: () => ({ issuer: 'https://idp.example', subject: randomUUID(), displayName: 'Somebody new' }),
  freeLogin: () => ({
    issuer: 'https://idp.example',
    subject: randomUUID(),
    tenantId: randomUUID(),
    ...because,
  }),
  changeGroup: ({ person }) => ({ group: 'access-group', add: [person] }),
  linkAccount: ({ person }) => ({ provider: 'slack', teamId: 'T0', userId: `U${randomUUID().slice(0, 8)}`, person }),
  unlinkAccount: () => ({ reason: 'who may do this' }),
  adoptStore: () => ({ reason: 'who may do this' }),
  continueLog: () => because,
  recordBrokerRefusals: () => ({
    refusals: [
      {
        principal: 'nobody',
        operation: 'WRITE',
        resourceType: 'Topic',
        resource: `topic-${randomUUID()}`,
        host: '127.0.0.1',
        firstAt: '2026-11-22T20:00:00Z',
        lastAt: '2026-11-22T20:00:00Z',
        count: 1,
      },
    ],
  }),
  registerOwnedAgent: ({ person }) => ({
    name: `new-${randomUUID()}`,
    kind: 'agent',
    producer: 'etl',
    owner: { person },
    ...because,
  }),
  registerProducer: ({ person }) => ({
    name: `new-${randomUUID().slice(0, 8)}`,
    issuer: 'https://idp.example',
    clientId: randomUUID(),
    owner: { person },
    ...because,
  }),
  removeAgent: () => ({ name: 'nobodys-agent', ...because }),
  removeProducer: () => ({ name: 'nobodys-producer', ...because }),
  reviewAgent: () => ({ name: 'nobodys-agent', upTo: 1, ...because }),
  reviewProducer: () => ({ name: 'nobodys-producer', upTo: 1, ...because }),
  linkPeople: ({ person }) => ({ people: [person, randomUUID()], same: true, ...because }),
  disconnectFeed: () => because,
  reviewGroup: () => ({ name: 'nobodys-group', upTo: 1, ...because }),
  connectFeed: () => ({ issuer: 'https://idp.example', subjectFrom: 'externalId', ...because }),
  reviewFeed: () => ({ name: 'scim', upTo: 1, ...because }),
  redriveQuarantined: ({ quarantineId }) => ({ quarantineId }),
  redriveParked: ({ intentId }) => ({ group: groups.ledger, topic: topics.events, key: intentId }),
}

/** Whether it takes no body, or one of which there is a sample: without, the body is refused before the caller is looked at. */
export const hasSample = ({ operation, request }: HttpRoute): boolean =>
  request === undefined || bodies[operation] !== undefined

const width = (size: number): string => (size >= 256 ? '000' : `000.p/${size}`)

const idsIn = (operation: string, things: Things): Readonly<Record<string, string>> => ({
  intentId: operation === 'collectGrant' ? things.approvedId : things.intentId,
  reviewId: things.reviewId,
  grantId: operation === 'reconcileExecution' ? things.reportedGrantId : things.grantId,
  freezeId: things.freezeId,
  accountId: things.accountId,
  quarantineId: things.quarantineId,
  eventId: things.eventId,
  log: things.log,
  kind: 'intent',
  id: things.intentId,
  path: operation === 'readEntryBundle' ? width(things.logSize) : `0/${width(things.logSize)}`,
})

const queries: Readonly<Record<string, Sample>> = {
  proveGrowth: () => '?from=1&to=1',
  readLogin: () => `?issuer=https%3A%2F%2Fidp.example&subject=${randomUUID()}`,
  readLineageByKey: ({ intentId }) => `?key=${intentId}`,
}

/** The request to a route about the things. */
export const requestTo = (
  { method, path, operation, request }: HttpRoute,
  things: Things,
): { readonly path: string; readonly options: CallOptions } => {
  const known = idsIn(operation, things)
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => known[name] ?? randomUUID())
  const query = queries[operation]?.(things) ?? ''
  return {
    path: `${filled}${typeof query === 'string' ? query : ''}`,
    options: {
      method,
      ...(request === undefined ? {} : { body: (bodies[operation] ?? empty)(things) }),
      ...(operation === 'publishIntent' ? { headers: { 'idempotency-key': randomUUID() } } : {}),
    },
  }
}
