import type { RecordedEventOf } from '@countersign/contracts'
import { because, changedBy, entity, userOf } from './entity.ts'
import { mapAccount } from './map-account.ts'
import type { Meaning } from './meaning.ts'

export type DirectoryEventName =
  | 'DirectoryPersonRegistered'
  | 'DirectoryGroupChanged'
  | 'LoginFreed'
  | 'DirectoryReviewed'
  | 'DirectoryFeedConnected'
  | 'DirectoryFeedReviewed'
  | 'DirectoryFeedDisconnected'
  | 'DirectoryPeopleLinked'
  | 'AccountLinked'
  | 'AccountUnlinked'
  | 'SecurityKeyRegistered'
  | 'SecurityKeyRemoved'

const linkMessages = {
  linked: 'Two people of the directory are one natural person.',
  parting: 'An operator asked to part two people who are one natural person; they are one until another one has.',
  apart: 'Two people of the directory are not one natural person any more.',
} as const

/** Meaning of an event of the directory: a change of who may decide. */
export const mapDirectory = (event: RecordedEventOf<DirectoryEventName>): Meaning => {
  switch (event.type) {
    case 'DirectoryPersonRegistered': {
      const { person, active, kind, seeded, deployment, changedBy: by, reason } = event.data
      return {
        ...entity(active ? (event.version === 1 ? 'create' : 'update') : 'disable', 'directory.person', {
          ...userOf(person),
        }),
        message: active ? 'A person was registered.' : 'A person was made inactive.',
        ...(deployment === undefined ? {} : { severity: 2 }),
        actor: deployment === undefined ? changedBy(by, 'notifier') : { service: 'deployment' },
        from: 'notifier',
        unmapped: { seeded, ...(kind === undefined ? {} : { kind }), ...because(reason) },
      }
    }
    case 'LoginFreed': {
      const { tenant, person, by, reason } = event.data
      return {
        ...entity('disable', 'directory.login', userOf(person)),
        message: 'A login is nobody in another tenant any more.',
        severity: 2,
        actor: { person: by },
        from: 'notifier',
        unmapped: { tenant, reason },
      }
    }
    case 'DirectoryGroupChanged': {
      const { group, added, removed, seeded, seats, changedBy: by, reason } = event.data
      return {
        ...entity('update', 'directory.group', { name: group, group: { name: group }, type_id: 3, type: 'Group' }),
        message: 'The members of a group changed.',
        severity: seeded ? 1 : 2,
        actor: changedBy(by, 'notifier'),
        from: 'notifier',
        unmapped: { seeded, added, removed, ...(seats === undefined ? {} : { seats }), ...because(reason) },
      }
    }
    case 'DirectoryReviewed': {
      const { group, changes, by, reason, word } = event.data
      return {
        ...entity('update', 'directory.review', { name: group, group: { name: group }, type_id: 3, type: 'Group' }),
        message: 'Changes of a group were reviewed.',
        actor: { person: by },
        from: 'notifier',
        unmapped: { changes, ...(word === undefined ? {} : { word }), ...because(reason) },
      }
    }
    case 'DirectoryFeedConnected': {
      const { feedId, issuer, subjectFrom, maxAgeMs, changedBy: by, reason } = event.data
      return {
        ...entity('update', 'directory.connect', { uid: feedId, name: issuer, type_id: 99, type: 'Directory Feed' }),
        message: 'The directory is kept by an identity provider from now on.',
        severity: 2,
        actor: { person: by },
        from: 'notifier',
        unmapped: { subject_from: subjectFrom, ...(maxAgeMs === null ? {} : { max_age_ms: maxAgeMs }), reason },
      }
    }
    case 'DirectoryFeedReviewed': {
      const { changes, by, reason, word } = event.data
      return {
        ...entity('update', 'directory.review', { name: 'scim', type_id: 99, type: 'Directory Feed' }),
        message: 'The connection of a directory was reviewed.',
        actor: { person: by },
        from: 'notifier',
        unmapped: { changes, ...(word === undefined ? {} : { word }), ...because(reason) },
      }
    }
    case 'DirectoryFeedDisconnected': {
      const { feedId, changedBy: by, reason } = event.data
      return {
        ...entity('update', 'directory.disconnect', { uid: feedId, name: 'scim', type_id: 99, type: 'Directory Feed' }),
        message: 'The directory is kept by operators again.',
        severity: 2,
        actor: { person: by },
        from: 'notifier',
        unmapped: { reason },
      }
    }
    case 'DirectoryPeopleLinked': {
      const { people, state, changedBy: by, reason } = event.data
      return {
        ...entity('update', 'people.link', { ...userOf(people[0] ?? '') }),
        message: linkMessages[state],
        severity: 2,
        actor: { person: by },
        from: 'notifier',
        unmapped: { people, state, reason },
      }
    }
    case 'AccountLinked':
    case 'AccountUnlinked':
    case 'SecurityKeyRegistered':
    case 'SecurityKeyRemoved':
      return mapAccount(event)
    default:
      return event satisfies never
  }
}
