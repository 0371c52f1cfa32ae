import { askedTogether } from './asked-together.ts'
import { prepared } from './prepared.ts'
import { randomBytes } from 'node:crypto'
import { subjectCommitment } from '@countersign/redaction'
import { newId } from './stream.ts'
import type { Transaction } from './transaction.ts'

/** Somebody as an identity provider names them. */
export type TenantIdentity = { readonly tenantId: string; readonly iss: string; readonly sub: string }

/** The random id that stands for an identity in events. */
export type Subject = TenantIdentity & {
  readonly subjectId: string
  /** 32 bytes, base64url. */
  readonly salt: string
  /** SHA-256(salt ‖ JCS([iss, sub])); the event that first uses the id carries it. */
  readonly commitment: string
  /** Not stored yet: `writeSubjects` has to follow in the transaction of the event that introduces it. */
  readonly isNew: boolean
}

/**
 * Finds the subjects of identities in one round trip, in the order asked, and makes ids for unknown ones; the same
 * identity gets the same subject. Writes nothing, so it may come before an append.
 */
export const resolveSubjects = askedTogether(async (tx, identities: readonly TenantIdentity[]): Promise<Subject[]> => {
  const { rows } = await tx.query<{ tenant_id: string; iss: string; sub: string; subject_id: string; salt: Buffer }>(
    prepared(
      `select s.tenant_id, s.iss, s.sub, s.subject_id, s.salt
     from unnest($1::uuid[], $2::text[], $3::text[]) as wanted(tenant_id, iss, sub)
     cross join lateral (select * from countersign.subject i
       where i.tenant_id = wanted.tenant_id and i.iss = wanted.iss and i.sub = wanted.sub offset 0) as s`,
      [identities.map((who) => who.tenantId), identities.map((who) => who.iss), identities.map((who) => who.sub)],
    ),
  )
  const known = new Map<string, Subject>()
  for (const row of rows) {
    const identity = { tenantId: row.tenant_id, iss: row.iss, sub: row.sub }
    const salt = row.salt.toString('base64url')
    known.set(nameOf(identity), subjectOf(identity, { subjectId: row.subject_id, salt, isNew: false }))
  }
  return identities.map(({ tenantId, iss, sub }) => {
    const identity = { tenantId, iss, sub }
    const name = nameOf(identity)
    const subject =
      known.get(name) ??
      subjectOf(identity, { subjectId: newId(), salt: randomBytes(32).toString('base64url'), isNew: true })
    known.set(name, subject)
    return subject
  })
})

const nameOf = ({ tenantId, iss, sub }: TenantIdentity) => JSON.stringify([tenantId, iss, sub])

const subjectOf = (
  identity: TenantIdentity,
  stored: { readonly subjectId: string; readonly salt: string; readonly isNew: boolean },
): Subject => ({ ...identity, ...stored, commitment: subjectCommitment(stored.salt, identity.iss, identity.sub) })

/**
 * Writes the new ones among the subjects, after the append. Fails with a unique violation when another transaction
 * was first; in a new transaction `resolveSubjects` finds that one's (the store's `execute` starts over by itself).
 */
export async function writeSubjects(tx: Transaction, subjects: readonly Subject[]): Promise<void> {
  const fresh = [...new Map(subjects.filter((who) => who.isNew).map((who) => [who.subjectId, who])).values()]
  if (fresh.length === 0) return
  await tx.query(
    prepared(
      `insert into countersign.subject (tenant_id, subject_id, iss, sub, salt)
     select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[]) order by 1, 3, 4`,
      [
        fresh.map((who) => who.tenantId),
        fresh.map((who) => who.subjectId),
        fresh.map((who) => who.iss),
        fresh.map((who) => who.sub),
        fresh.map((who) => Buffer.from(who.salt, 'base64url')),
      ],
    ),
  )
}

/** Subjects by id, for display and for checking commitments; erased ones are missing. */
export async function subjectsById(
  tx: Transaction,
  refs: readonly { readonly tenantId: string; readonly subjectId: string }[],
): Promise<Map<string, Subject>> {
  const { rows } = await tx.query<{ tenant_id: string; iss: string; sub: string; subject_id: string; salt: Buffer }>(
    prepared(
      `select s.tenant_id, s.iss, s.sub, s.subject_id, s.salt
     from unnest($1::uuid[], $2::uuid[]) as wanted(tenant_id, subject_id)
     cross join lateral (select * from countersign.subject i
       where i.tenant_id = wanted.tenant_id and i.subject_id = wanted.subject_id offset 0) as s`,
      [refs.map((ref) => ref.tenantId), refs.map((ref) => ref.subjectId)],
    ),
  )
  return new Map(
    rows.map((row) => [
      row.subject_id,
      subjectOf(
        { tenantId: row.tenant_id, iss: row.iss, sub: row.sub },
        { subjectId: row.subject_id, salt: row.salt.toString('base64url'), isNew: false },
      ),
    ]),
  )
}

/** Erases the mappings of subjects, as an effect of the erasure's event. Their ids stay in events and mean nothing. */
export async function eraseSubjects(
  tx: Transaction,
  refs: readonly { readonly tenantId: string; readonly subjectId: string }[],
): Promise<void> {
  await tx.query(
    prepared(
      `delete from countersign.subject s using unnest($1::uuid[], $2::uuid[]) as erased(tenant_id, subject_id)
     where s.tenant_id = erased.tenant_id and s.subject_id = erased.subject_id`,
      [refs.map((ref) => ref.tenantId), refs.map((ref) => ref.subjectId)],
    ),
  )
}
