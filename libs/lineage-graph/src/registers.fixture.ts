import type { RecordedEventOf } from '@countersign/contracts'
import { digest, id, recorder, subjects, tenantId } from './life.fixture.ts'

/** Registers of a first start: producer, agents, a person, a policy set. */
export const registers = (): RecordedEventOf[] => {
  const { add, events } = recorder(id(0xf, 1), { n: 0 })
  const seeded = { changedBy: null, seeded: true } as const
  add('TenantRegistered', { tenantId, name: 'demo' })
  add('ProducerRegistered', {
    producer: 'warehouse',
    issuer: 'https://id.example',
    clientId: 'warehouse',
    ownerSubject: subjects.dana,
    ownerGroup: null,
    ...seeded,
  })
  add('AgentRegistered', {
    agent: 'etl-bot',
    subjectId: subjects.etlBot,
    kind: 'agent',
    producer: 'warehouse',
    issuer: 'https://id.example',
    clientId: 'warehouse',
    ownerSubject: subjects.dana,
    ownerGroup: null,
    ...seeded,
  })
  add('DirectoryPersonRegistered', { person: subjects.ben, active: true, ...seeded })
  add('DirectoryGroupChanged', { group: 'data-owners', added: [subjects.ben], removed: [], ...seeded })
  add('AccountLinked', { accountId: id(0xb, 1), provider: 'slack', person: subjects.ben, ...seeded })
  add('PolicySetActivated', {
    digest: digest(3),
    previousDigest: null,
    activatedBy: subjects.dana,
    seeded: true,
    ruleCount: 3,
    changedRules: ['reads-are-free'],
  })
  add('PolicySetRefused', { digest: digest(7), by: subjects.dana, code: 'policy_error', problemCount: 2 })
  add('RegisterReviewed', { register: 'agent', entry: 'etl-bot', changes: [1], by: subjects.ben })
  add('DirectoryReviewed', { group: 'data-owners', changes: [2], by: subjects.dana })
  add('DirectoryFeedConnected', {
    feedId: id(0xb, 2),
    issuer: 'https://id.example',
    subjectFrom: 'externalId',
    maxAgeMs: 86_400_000,
    changedBy: subjects.dana,
    reason: 'people are kept by the identity provider',
  })
  add('DirectoryFeedReviewed', { changes: [3], by: subjects.ben })
  add('DirectoryFeedDisconnected', {
    feedId: id(0xb, 2),
    changedBy: subjects.dana,
    reason: 'people are kept by hand again',
  })
  add('DirectoryPeopleLinked', {
    people: [subjects.dana, subjects.ben],
    state: 'linked',
    changedBy: subjects.ben,
    reason: 'the same person at both firms',
  })
  add('AgentRemoved', {
    agent: 'etl-bot',
    subjectId: subjects.etlBot,
    changedBy: subjects.dana,
    reason: 'nobody uses it',
  })
  add('ProducerRemoved', { producer: 'warehouse', changedBy: subjects.dana, reason: 'it was switched off' })
  add('Frozen', { freezeId: id(0xc, 1), scope: { kind: 'tenant' }, by: subjects.dana })
  add('Unfrozen', { freezeId: id(0xc, 1), by: subjects.dana })
  add('StoreAdopted', {
    by: subjects.dana,
    reason: 'restored from a backup',
    doubt: 'store_behind_mark',
    fromIncarnation: 1,
    toIncarnation: 2,
    storePosition: 40,
    markPosition: 60,
  })
  const origin = `countersign.local/log/${id(0xf, 1)}`
  add('LoginFreed', { tenant: subjects.ben, person: subjects.ben, by: subjects.ben, reason: 'ticket 4711' })
  add('LogContinued', {
    by: subjects.dana,
    reason: 'restored from a backup',
    log: id(0xf, 1),
    refusedAs: 'rolled_back',
    former: { origin, size: 60, root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' },
    keptSize: 40,
    origin: `${origin}/2`,
    incarnation: 2,
  })
  const quarantineId = id(0xd, 1)
  const topic = 'countersign.intents.v1.etl'
  add('QuarantineRedriven', { quarantineId, topic, position: '0:7', outcome: 'taken', by: subjects.dana })
  add('QuarantineOpened', { quarantineId, by: subjects.dana })
  const parked = { group: 'countersign.policy', topic: 'countersign.events.v1', key: id(0xe, 1) }
  add('ParkedKeyRedriven', { ...parked, records: 2, by: subjects.dana })
  add('BrokerRefusalFound', {
    principal: 'etl',
    operation: 'WRITE',
    resourceType: 'Topic',
    resource: 'countersign.events.v1',
    host: '10.0.0.7',
    firstAt: '2026-11-22T20:00:00.120Z',
    lastAt: '2026-11-22T20:00:03.007Z',
    count: 3,
    isProducer: true,
    by: subjects.dana,
  })
  return events
}
