import { type EventData, type EventOf, refuse, type Refusal } from '@countersign/contracts'
import { type Decision, type EventStore, peopleById, registerStream, type Transaction } from '@countersign/event-store'

export type LinkPeopleCommand = {
  readonly tenantId: string
  readonly people: readonly [string, string]
  /** Whether they are one natural person. */
  readonly same: boolean
  readonly changedBy: string
  readonly reason: string
}

type State = EventData<'DirectoryPeopleLinked'>['state']

/** `apart` when nothing ties the two. */
export type LinkedPeople = { readonly people: [string, string]; readonly state: State; readonly changed: boolean }

type Link = { readonly askedApartBy: string | null }
type Known = { readonly areKnown: boolean; readonly link: Link | undefined }

/**
 * Says that two people of the directory, as they sign in at two identity providers, are one natural person, or are not. Neither
 * gets anything of the other's: groups and accounts stay where they are. What they may not approve as one they may not as
 * the other, and together they fill one seat. As parting them gives a seat back, it takes two: an operator who asks, and
 * another one, who is neither of the two.
 */
export class LinkPeople {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: LinkPeopleCommand): Promise<LinkedPeople | Refusal> {
    const { tenantId, changedBy, reason } = command
    const people = [...command.people].toSorted() as [string, string]
    const [person, other] = people
    if (person === other) return refuse('invalid_request', { pointer: '/people' })
    const ref = registerStream(tenantId, 'person-link', person, other)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: (tx) => readLink(tx, tenantId, people),
        decide: (_command, _loaded, { areKnown, link }): Decision<LinkedPeople | Refusal> => {
          if (!areKnown) return { append: [], answer: refuse('not_found', { pointer: '/people' }) }
          const state = nextState(command, link)
          if (typeof state === 'object') return { append: [], answer: state }
          const changed = state !== stateOf(link)
          const event: EventOf<'DirectoryPeopleLinked'> = {
            type: 'DirectoryPeopleLinked',
            data: { people, state, changedBy, reason },
          }
          return { append: changed ? [{ stream: ref, events: [event] }] : [], answer: { people, state, changed } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || !('state' in decided.answer) || decided.events.length === 0) return
          await writeLink(tx, [tenantId, person, other], { state: decided.answer.state, by: changedBy })
        },
      },
    )
    return answer
  }
}

const stateOf = (link: Link | undefined): State => {
  if (link === undefined) return 'apart'
  return link.askedApartBy === null ? 'linked' : 'parting'
}

const nextState = ({ same, people, changedBy }: LinkPeopleCommand, link: Link | undefined): State | Refusal => {
  if (same) return 'linked'
  if (link === undefined) return 'apart'
  if (people.includes(changedBy)) return refuse('own_change')
  if (link.askedApartBy === null) return 'parting'
  return link.askedApartBy === changedBy ? refuse('own_change') : 'apart'
}

const readLink = async (tx: Transaction, tenantId: string, people: readonly [string, string]): Promise<Known> => {
  const found = await peopleById(
    tx,
    people.map((subjectId) => ({ tenantId, subjectId })),
  )
  const { rows } = await tx.query<{ asked_apart_by: string | null }>(
    'select asked_apart_by from countersign.person_link where tenant_id = $1 and person = $2 and other = $3',
    [tenantId, ...people],
  )
  const [row] = rows
  return {
    areKnown: found.filter((one) => one !== undefined).length === people.length,
    link: row === undefined ? undefined : { askedApartBy: row.asked_apart_by },
  }
}

const writeLink = async (
  tx: Transaction,
  key: readonly [tenantId: string, person: string, other: string],
  { state, by }: { readonly state: State; readonly by: string },
): Promise<void> => {
  if (state === 'apart') {
    await tx.query('delete from countersign.person_link where tenant_id = $1 and person = $2 and other = $3', [...key])
    return
  }
  await tx.query(
    `insert into countersign.person_link (tenant_id, person, other, asked_apart_by) values ($1, $2, $3, $4)
     on conflict (tenant_id, person, other) do update set asked_apart_by = excluded.asked_apart_by`,
    [...key, state === 'parting' ? by : null],
  )
}
