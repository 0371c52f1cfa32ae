import { refuse, type Refusal } from '@countersign/contracts'
import { personOf } from '@countersign/event-store'
import { type Identity, isHuman } from '@countersign/identity'
import type pg from 'pg'

/** Who reads. People are known by the directory, programs by the registers; nothing in a token says more than who. */
export type Reader =
  | {
      readonly kind: 'person'
      readonly tenantId: string
      readonly subjectId: string
      readonly groups: readonly string[]
    }
  | {
      readonly kind: 'requester'
      readonly tenantId: string
      /** Producers and agents (subject ids) whose own client this is. */
      readonly producers: readonly string[]
      readonly agents: readonly string[]
    }
  | { readonly kind: 'collector'; readonly tenantId: string }

export type ReadingRules = {
  readonly analysts: string
  readonly auditors: string
  /** Tenant by client (`collectorKey`), of the clients that collect audit rows. */
  readonly collectors: ReadonlyMap<string, string>
}

/** A client is one only together with its issuer. */
export const collectorKey = ({ issuer, clientId }: Pick<Identity, 'issuer' | 'clientId'>): string =>
  JSON.stringify([issuer, clientId])

type ClientRow = { tenant_id: string; producer: string | null; agent_subject_id: string | null }

/** Finds out who reads, or says why nobody known does. */
export const readerOf = async (pool: pg.Pool, identity: Identity, rules: ReadingRules): Promise<Reader | Refusal> => {
  // What a client reads while it acts for a person is what the client may read.
  if (isHuman(identity)) {
    const person = await personOf(pool, identity)
    return person === undefined ? refuse('person_inactive') : { kind: 'person', ...person }
  }
  const collectsFor = rules.collectors.get(collectorKey(identity))
  if (collectsFor !== undefined) return { kind: 'collector', tenantId: collectsFor }
  const { rows } = await pool.query<ClientRow>(
    'select tenant_id, producer, agent_subject_id from lineage.client_of($1, $2)',
    [identity.issuer, identity.clientId],
  )
  // Of several tenants it is nobody's: a register of one must never decide who somebody is in another.
  const [tenantId, another] = new Set(rows.map((row) => row.tenant_id))
  if (tenantId === undefined || another !== undefined) return refuse('unknown_producer')
  return {
    kind: 'requester',
    tenantId,
    producers: rows.flatMap(({ producer }) => producer ?? []),
    agents: rows.flatMap(({ agent_subject_id: agent }) => agent ?? []),
  }
}

/** Analysts and auditors read lineage and audit rows of their whole tenant. */
export const readsEverything = (reader: Reader, { analysts, auditors }: ReadingRules): boolean =>
  reader.kind === 'person' && (reader.groups.includes(analysts) || reader.groups.includes(auditors))

/** Audit rows go to analysts, auditors and collectors; they hold no names. */
export const readsAudit = (reader: Reader, rules: ReadingRules): boolean =>
  reader.kind === 'collector' || readsEverything(reader, rules)
