import type { RecordedEventOf, RegisterEventName } from '@countersign/contracts'
import type { Draft } from './delta.ts'
import type { NodeKind } from './node.ts'

/** Adds what a register says about agents, producers, people and policy sets. */
export const evolveRegister = (event: RecordedEventOf<RegisterEventName>, draft: Draft): void => {
  const { tenantId } = event
  const ref = (kind: NodeKind, key: string) => ({ tenantId, kind, key })
  const person = (subject: string) => draft.node(ref('person', subject))
  switch (event.type) {
    case 'ProducerRegistered': {
      const producer = draft.node(ref('producer', event.data.producer), { clientId: event.data.clientId })
      if (event.data.ownerSubject !== null) draft.edge(person(event.data.ownerSubject), 'owns', producer)
      return
    }
    case 'AgentRegistered': {
      const { agent: name, subjectId, kind: principalKind, clientId, producer, ownerSubject } = event.data
      const agent = draft.node(ref('agent', subjectId), { name, principalKind, clientId })
      draft.edge(draft.node(ref('producer', producer)), 'registers', agent)
      if (ownerSubject !== null) draft.edge(person(ownerSubject), 'owns', agent)
      return
    }
    case 'PolicySetActivated': {
      const { digest, activatedBy, ruleCount, seeded, previousDigest } = event.data
      const set = draft.node(ref('policy_set', digest), { state: 'activated', ruleCount, seeded, previousDigest })
      if (activatedBy !== null) draft.edge(person(activatedBy), 'activated', set)
      return
    }
    case 'PolicySetRefused': {
      const { digest, by, code } = event.data
      if (by !== null) draft.edge(person(by), 'refused', draft.node(ref('policy_set', digest)), { code })
      return
    }
    case 'DirectoryPersonRegistered':
      draft.node(ref('person', event.data.person), { active: event.data.active })
      return
    // The tenant is the border of the graph, not a node in it.
    case 'TenantRegistered':
    // What is removed stays in the graph with what it did, and a review changes nothing about who is who.
    case 'ProducerRemoved':
    case 'AgentRemoved':
    case 'RegisterReviewed':
    case 'DirectoryReviewed':
    case 'DirectoryFeedConnected':
    case 'DirectoryFeedDisconnected':
    case 'DirectoryPeopleLinked':
    case 'DirectoryFeedReviewed':
    // A freeze stops actions; what it stopped shows as refused collects and redeems in the audit rows.
    case 'Frozen':
    case 'Unfrozen':
    // What an adoption ended are grants, and each says so itself.
    case 'StoreAdopted':
    // How a log is called is the ledger's; what happened is not told otherwise by it.
    case 'LogContinued':
    // Whom it freed is of another tenant, where it shows.
    case 'LoginFreed':
    // Membership and accounts say who may decide; who did decide is in the verdicts.
    case 'DirectoryGroupChanged':
    case 'AccountLinked':
    case 'AccountUnlinked':
    case 'SecurityKeyRegistered':
    case 'SecurityKeyRemoved':
    // What operators do about records that were not taken; once taken, a record is an intent like any other.
    case 'QuarantineRedriven':
    case 'QuarantineOpened':
    case 'ParkedKeyRedriven':
    // What never got past the broker touched nothing.
    case 'BrokerRefusalFound':
      return
    default:
      return event satisfies never
  }
}
