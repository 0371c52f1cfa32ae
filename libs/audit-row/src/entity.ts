import { succeeded, type Actor, type Meaning } from './meaning.ts'

const activities = {
  create: [1, 'Create'],
  read: [2, 'Read'],
  update: [3, 'Update'],
  delete: [4, 'Delete'],
  enroll: [6, 'Enroll'],
  unenroll: [7, 'Unenroll'],
  disable: [9, 'Disable'],
  suspend: [12, 'Suspend'],
  resume: [13, 'Resume'],
} as const

/** Who changed a register: a person, or the service that seeded it or was told by a directory. */
export const changedBy = (person: string | null, service: string): Actor => (person === null ? { service } : { person })

/** A change of who and what there is. */
export const entity = (
  activity: keyof typeof activities,
  operation: string,
  members: Readonly<Record<string, unknown>>,
): Pick<Meaning, 'class' | 'activity' | 'operation' | 'outcome' | 'status' | 'members'> => ({
  class: 'entity_management',
  activity: activities[activity],
  operation,
  outcome: 'logged',
  status: succeeded,
  members: { entity: members },
})

/** Why somebody says they changed it. */
export const because = (reason: string | undefined) => (reason === undefined ? {} : { reason })

/** A person as an entity. */
export const userOf = (person: string) => ({
  uid: person,
  user: { uid: person, type_id: 1, type: 'User' },
  type_id: 2,
  type: 'User',
})
