import { eventStore, newId, notifyStore } from '@countersign/event-store'
import { Registers } from '@countersign/intake'
import { ChangeGroup, LinkAccount, RegisterPerson } from '@countersign/notifier'
import { isRefusal } from '@countersign/contracts'
import pg from 'pg'
import { demoPeople, demoWorld } from '../demo-world.ts'
import type { StoreUrls } from '../prepare-store/prepare-store.ts'

export type Tenants = { readonly default: string; readonly replay: string }

const tenantIds = async (pool: pg.Pool): Promise<Map<string, string>> => {
  const { rows } = await pool.query<{ tenant_id: string; name: string }>(
    'select tenant_id, name from countersign.tenant',
  )
  return new Map(rows.map((row) => [row.name, row.tenant_id]))
}

/**
 * Seeds the registers through the product's own commands, each under the role that owns it: two tenants, two people with
 * their groups and accounts, a producer with one agent, the producer of the replay. What is there already stays.
 */
export const seedDemo = async (urls: StoreUrls, issuer: string): Promise<Tenants> => {
  const intakePool = new pg.Pool({ connectionString: urls.of('intake'), max: 2 })
  const notifierPool = new pg.Pool({ connectionString: urls.of('notifier'), max: 2 })
  const wakers = [notifyStore(intakePool), notifyStore(notifierPool)] as const
  try {
    const registers = new Registers(
      eventStore(intakePool, { metadata: { service: 'intake' }, onAppended: (moved) => wakers[0].wake(moved) }),
    )
    const store = eventStore(notifierPool, {
      metadata: { service: 'notifier' },
      onAppended: (moved) => wakers[1].wake(moved),
    })
    const registerPerson = new RegisterPerson(notifierPool, store)
    const linkAccount = new LinkAccount(store)
    const changeGroup = new ChangeGroup(store)
    const known = await tenantIds(intakePool)
    const tenants: Tenants = {
      default: known.get(demoWorld.tenant) ?? newId(),
      replay: known.get(demoWorld.replayTenant) ?? newId(),
    }
    await registers.tenant({ tenantId: tenants.default, name: demoWorld.tenant })
    await registers.tenant({ tenantId: tenants.replay, name: demoWorld.replayTenant })

    const seeded = { tenantId: tenants.default, changedBy: null, seeded: true } as const
    const people = new Map<string, string>()
    for (const sub of demoPeople) {
      const { name, email, slackUser } = demoWorld.people[sub]
      const { person } = await registerPerson.handle({
        ...seeded,
        issuer,
        subject: sub,
        displayName: name,
        email,
        active: true,
      })
      people.set(sub, person)
      done(
        await linkAccount.handle({
          ...seeded,
          provider: 'slack',
          teamId: demoWorld.slackTeam,
          userId: slackUser,
          person,
        }),
      )
    }
    for (const [group, members] of Object.entries(demoWorld.groups)) {
      const add = members.flatMap((member) => people.get(member) ?? [])
      done(await changeGroup.handle({ ...seeded, group, add, remove: [] }))
    }
    const owner = { ownerSubject: people.get('dana') ?? null, ownerGroup: null, changedBy: null, seeded: true }
    await registers.producer({
      tenantId: tenants.default,
      producer: demoWorld.producer,
      issuer,
      clientId: `${demoWorld.producer}-producer`,
      ...owner,
    })
    await registers.agent({
      tenantId: tenants.default,
      agent: demoWorld.agent,
      kind: 'agent',
      producer: demoWorld.producer,
      issuer,
      clientId: demoWorld.agent,
      ...owner,
    })
    const nobody = { ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true }
    await registers.producer({ tenantId: tenants.replay, producer: 'replay', issuer, clientId: 'replay', ...nobody })
    return tenants
  } finally {
    await Promise.all(wakers.map((waker) => waker.close()))
    await Promise.all([intakePool.end(), notifierPool.end()])
  }
}

const done = (outcome: unknown): void => {
  if (isRefusal(outcome)) throw new Error(`the demo could not be seeded: ${outcome.code}`)
}
