import { prepared } from '@countersign/event-store'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'

/** A producer's topics say only its name, and the register does not say who that is. Until it does, nothing is taken. */
export class ProducerUnclear extends Error {
  override readonly name = 'ProducerUnclear'
  readonly code = 'producer_unclear'

  constructor() {
    super('the register names no single client for this producer')
  }
}

type ProducerRow = {
  tenant_id: string
  iss: string
  client_id: string
  owner_subject_id: string | null
  owner_group: string | null
}

/**
 * Who speaks on a producer's topics: the client that is registered for it. A name that two tenants gave stands for nobody,
 * and it is asked for every batch, so that a second registration counts at once. Nothing in a record proves a delegation,
 * so there is none.
 */
export const producerCaller = async (pool: pg.Pool, producer: string): Promise<ClientCaller> => {
  const { rows } = await pool.query<ProducerRow>(
    prepared(
      `select tenant_id, iss, client_id, owner_subject_id, owner_group from countersign.producer
     where name = $1 and removed_at is null limit 2`,
      [producer],
    ),
  )
  const [row, another] = rows
  if (row === undefined || another !== undefined || row.iss === null || row.client_id === null)
    throw new ProducerUnclear()
  return {
    kind: 'client',
    tenantId: row.tenant_id,
    producer,
    producerOwner: { subjectId: row.owner_subject_id, group: row.owner_group },
    issuer: row.iss,
    subject: row.client_id,
    clientId: row.client_id,
    agent: undefined,
    chain: [],
  }
}

/** Names of producers whose topics may be consumed, and of those that stand for more than one tenant. */
export const consumableProducers = async (pool: pg.Pool): Promise<{ names: string[]; unclear: string[] }> => {
  const { rows } = await pool.query<{ name: string; is_clear: boolean }>(
    prepared(
      `select name, count(*) = 1 and bool_and(iss is not null and client_id is not null) as is_clear
     from countersign.producer where removed_at is null group by name order by name`,
      [],
    ),
  )
  const of = (isClear: boolean) => rows.filter(({ is_clear }) => is_clear === isClear).map(({ name }) => name)
  return { names: of(true), unclear: of(false) }
}
