import type { EventData, FreezeScope, RecordedEventOf, RegisterEventName } from '@countersign/contracts'
import { because, changedBy, entity } from './entity.ts'
import { mapDirectory } from './map-directory.ts'
import { failed, type Actor, type Meaning } from './meaning.ts'

type FreezeFacts = EventData<'Frozen' | 'Unfrozen'>

/** The freeze credential and an operator of the deployment are no people of the tenant. */
const whoFroze = ({ by, means }: FreezeFacts): Actor =>
  means === undefined ? { person: by } : { service: means.replaceAll('_', ' ') }

const becauseOf = ({ reason, means }: FreezeFacts) => ({
  unmapped: { ...(reason === undefined ? {} : { reason }), ...(means === undefined ? {} : { means }) },
})

const scopeName = (scope: FreezeScope): string => {
  switch (scope.kind) {
    case 'all':
      return 'the whole deployment'
    case 'tenant':
      return 'tenant'
    case 'producer':
      return `producer ${scope.producer}`
    case 'agent':
      return `agent ${scope.agent}`
    case 'action':
      return `action ${scope.action}`
    case 'environment':
      return `environment ${scope.environment}`
    default:
      return scope satisfies never
  }
}

/** Meaning of a register's event: a change of who and what there is. */
export const mapRegister = (event: RecordedEventOf<RegisterEventName>): Meaning => {
  /** A register's stream begins with what creates the entity. */
  const creating = event.version === 1 ? 'create' : 'update'
  switch (event.type) {
    case 'TenantRegistered':
      return {
        ...entity('create', 'tenant.register', {
          uid: event.data.tenantId,
          name: event.data.name,
          type_id: 4,
          type: 'Organization',
        }),
        message: 'A tenant was registered.',
        actor: { service: 'intake' },
        from: 'intake',
      }
    case 'ProducerRegistered': {
      const { producer, ownerGroup, ownerSubject, seeded, changedBy: by, clientId, reason } = event.data
      return {
        ...entity(creating, 'producer.register', { name: producer, uid: clientId, type_id: 99, type: 'Producer' }),
        message: 'A producer was registered.',
        actor: changedBy(by, 'intake'),
        from: 'intake',
        unmapped: { ...owned({ ownerGroup, ownerSubject, seeded }), ...because(reason) },
      }
    }
    case 'AgentRegistered': {
      const { agent, subjectId, kind, producer, ownerGroup, ownerSubject, seeded, changedBy: by, reason } = event.data
      return {
        ...entity(creating, 'agent.register', { name: agent, uid: subjectId, type_id: 99, type: 'AI Agent' }),
        message: 'An agent was registered.',
        actor: changedBy(by, 'intake'),
        from: 'intake',
        unmapped: {
          ...owned({ ownerGroup, ownerSubject, seeded }),
          producer,
          principal_kind: kind,
          ...(event.data.executorKey === undefined ? {} : { executor_key: event.data.executorKey.thumbprint }),
          ...because(reason),
        },
      }
    }
    case 'ProducerRemoved': {
      const { producer, changedBy: by, reason } = event.data
      return {
        ...entity('delete', 'producer.remove', { name: producer, type_id: 99, type: 'Producer' }),
        message: 'A producer was removed.',
        severity: 2,
        actor: { person: by },
        from: 'intake',
        unmapped: { reason },
      }
    }
    case 'AgentRemoved': {
      const { agent, subjectId, changedBy: by, reason } = event.data
      return {
        ...entity('delete', 'agent.remove', { name: agent, uid: subjectId, type_id: 99, type: 'AI Agent' }),
        message: 'An agent was removed.',
        severity: 2,
        actor: { person: by },
        from: 'intake',
        unmapped: { reason },
      }
    }
    case 'RegisterReviewed': {
      const { register, entry, changes, by, reason } = event.data
      return {
        ...entity('update', `${register}.review`, {
          name: entry,
          type_id: 99,
          type: register === 'agent' ? 'AI Agent' : 'Producer',
        }),
        message: 'Changes of a register were reviewed.',
        actor: { person: by },
        from: 'intake',
        unmapped: { changes, ...because(reason) },
      }
    }
    case 'Frozen':
      return {
        ...entity('suspend', 'freeze.set', {
          uid: event.data.freezeId,
          name: scopeName(event.data.scope),
          type_id: 99,
          type: 'Freeze',
        }),
        message: 'Grants were frozen.',
        severity: 3,
        actor: whoFroze(event.data),
        from: 'intake',
        ...becauseOf(event.data),
      }
    case 'Unfrozen':
      return {
        ...entity('resume', 'freeze.lift', { uid: event.data.freezeId, type_id: 99, type: 'Freeze' }),
        message: 'A freeze was lifted.',
        severity: 2,
        actor: whoFroze(event.data),
        from: 'intake',
        ...becauseOf(event.data),
      }
    case 'StoreAdopted': {
      const { by, doubt, fromIncarnation, toIncarnation, storePosition, markPosition } = event.data
      return {
        ...entity('update', 'store.adopt', { name: 'event store', type_id: 99, type: 'Event store' }),
        message: 'A restored or replaced event store was adopted.',
        severity: 4,
        actor: changedBy(by, 'intake'),
        from: 'intake',
        unmapped: {
          doubt,
          from_incarnation: fromIncarnation,
          to_incarnation: toIncarnation,
          ...(storePosition === null ? {} : { store_position: storePosition }),
          ...(markPosition === null ? {} : { mark_position: markPosition }),
        },
      }
    }
    case 'LogContinued': {
      const { by, log, refusedAs, former, keptSize, origin } = event.data
      return {
        ...entity('update', 'log.continue', { uid: log, name: origin, type_id: 99, type: 'Ledger log' }),
        message: 'A log that lost entries goes on under another name.',
        severity: 4,
        actor: changedBy(by, 'intake'),
        from: 'intake',
        unmapped: {
          refused_as: refusedAs,
          former_log_name: former.origin,
          former_size: former.size,
          kept_size: keptSize,
          lost_at_most: Math.max(0, former.size - keptSize),
        },
      }
    }
    case 'QuarantineRedriven': {
      const { quarantineId, topic, position, outcome, code, by } = event.data
      return {
        ...entity('update', 'quarantine.redrive', quarantinedOf(quarantineId)),
        message: 'A quarantined record was taken again.',
        actor: { person: by },
        from: 'intake',
        unmapped: { topic, position, outcome, ...(code === undefined ? {} : { code }) },
      }
    }
    case 'QuarantineOpened':
      return {
        ...entity('read', 'quarantine.open', quarantinedOf(event.data.quarantineId)),
        message: 'The sealed bytes of a quarantined record were read.',
        severity: 2,
        actor: { person: event.data.by },
        from: 'intake',
      }
    case 'ParkedKeyRedriven': {
      const { group, topic, key, records, by } = event.data
      return {
        ...entity('update', 'parked.redrive', { uid: key, name: group, type_id: 99, type: 'Parked Key' }),
        message: 'Parked records of an intent are delivered again.',
        actor: { person: by },
        from: 'intake',
        unmapped: { topic, records },
      }
    }
    case 'BrokerRefusalFound': {
      const { principal, operation, resourceType, resource, host, firstAt, lastAt, count, isProducer, by } = event.data
      return {
        ...entity('read', 'broker.refuse', { name: resource, type_id: 99, type: `Kafka ${resourceType}` }),
        message: 'The broker refused what a principal has no right to.',
        outcome: 'unauthorized',
        status: failed('broker_denied'),
        severity: 4,
        isAlert: true,
        actor: { service: principal },
        from: 'kafka',
        count,
        unmapped: {
          principal,
          is_producer: isProducer,
          operation,
          host,
          first_at: firstAt,
          last_at: lastAt,
          ...(by === null ? {} : { found_by: by }),
        },
      }
    }
    case 'PolicySetActivated': {
      const { digest, previousDigest, activatedBy, seeded, ruleCount, changedRules } = event.data
      return {
        ...entity('update', 'policy.activate', { ...policyOf(digest), policy: { uid: digest, is_applied: true } }),
        message: 'A policy set became active.',
        severity: seeded ? 1 : 2,
        actor: changedBy(activatedBy, 'policy'),
        from: 'policy',
        unmapped: {
          seeded,
          rule_count: ruleCount,
          changed_rules: changedRules,
          ...(previousDigest === null ? {} : { previous: previousDigest }),
        },
      }
    }
    case 'PolicySetRefused': {
      const { digest, by, code, problemCount } = event.data
      return {
        ...entity('update', 'policy.activate', { ...policyOf(digest), policy: { uid: digest, is_applied: false } }),
        message: 'A policy set was refused; the last good one stays active.',
        outcome: 'blocked',
        status: failed(code),
        severity: 2,
        actor: changedBy(by, 'policy'),
        from: 'policy',
        unmapped: { problem_count: problemCount },
      }
    }
    default:
      return mapDirectory(event)
  }
}

const quarantinedOf = (uid: string) => ({ uid, type_id: 99, type: 'Quarantined Record' })
const policyOf = (digest: string) => ({ uid: digest, type_id: 5, type: 'Policy' })
const owned = (by: { ownerGroup: string | null; ownerSubject: string | null; seeded: boolean }) => ({
  seeded: by.seeded,
  ...(by.ownerGroup === null ? {} : { owner_group: by.ownerGroup }),
  ...(by.ownerSubject === null ? {} : { owner: by.ownerSubject }),
})
