import { isRefusal } from '@countersign/contracts'
import { ChangeGroup, RegisterPerson } from '../index.ts'
import { type Name, startWorld } from '../notifier-world.fixture.ts'

export type Answer = { readonly status: number; readonly code?: string; readonly body: Record<string, unknown> }

/** Olga operates the world's tenant, which runs the deployment; Nora operates another one, and nobody of the first has her in it. */
export const startTwoTenants = async () => {
  const at = await startWorld()
  const { superuser } = at.spec
  const elsewhere = await at.spec.addTenant('elsewhere')
  const people = new RegisterPerson(at.spec.poolOf('notifier'), at.stores.notifier)

  const seedElsewhere = async (name: Name): Promise<string> => {
    const { issuer } = at.idp
    const said = { tenantId: elsewhere, issuer, subject: name, displayName: name, active: true }
    return (await people.handle({ ...said, seeded: true, changedBy: null })).person
  }
  const send = async (
    path: string,
    { as, body, type = 'application/json' }: { as: string; body?: object; type?: string },
  ): Promise<Answer> => {
    const response = await fetch(`${at.url}${path}`, {
      headers: { authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    const answered = (await response.json()) as Record<string, unknown> & { code?: string }
    return { status: response.status, body: answered, ...(answered.code === undefined ? {} : { code: answered.code }) }
  }
  const register = async (operator: Name, subject: string, more: object = {}) =>
    send('/v1/directory/people', {
      as: await at.token(operator),
      body: { issuer: at.idp.issuer, subject, displayName: subject, reason: 'a colleague', ...more },
    })
  const reviewsOf = async (name: Name) => send('/v1/reviews', { as: await at.token(name) })
  const refusedThere = async (code: string): Promise<number> => {
    const { rows } = await superuser.query<{ total: string | null }>(
      'select sum(total) as total from countersign.refusal_count where tenant_id = $1 and code = $2',
      [elsewhere, code],
    )
    return Number(rows[0]?.total ?? 0)
  }

  await superuser.query('update countersign.person set active = false where subject_id = $1', [at.people.nora])
  const changed = await new ChangeGroup(at.stores.notifier).handle({
    tenantId: elsewhere,
    group: 'operators',
    add: [await seedElsewhere('nora')],
    remove: [],
    seeded: true,
    changedBy: null,
  })
  if (isRefusal(changed)) throw new Error(changed.code)
  return { at, elsewhere, seedElsewhere, send, register, reviewsOf, refusedThere, stop: () => at.stop() }
}

export type TwoTenants = Awaited<ReturnType<typeof startTwoTenants>>
