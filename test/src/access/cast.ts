import { randomUUID } from 'node:crypto'
import type { RouteCaller } from '@countersign/contracts'
import { eventStore } from '@countersign/event-store'
import { Registers } from '@countersign/intake'
import { ChangeGroup, RegisterPerson } from '@countersign/notifier'
import { poolAs } from '../pool-as.ts'
import type { Running } from '../running.ts'

/** Who calls: somebody who is exactly one of the roles of the table, or none. */
export const roles = [
  'nobody',
  'requester',
  'producer',
  'another client',
  'member',
  'owner',
  'reviewer',
  'operator',
  'security-admin',
  'analyst',
  'auditor',
] as const
export type Role = (typeof roles)[number]

/** The same people and a client in another tenant; nobody is nobody there too. */
export const foreignRoles = [
  'requester',
  'member',
  'reviewer',
  'operator',
  'security-admin',
  'analyst',
  'auditor',
] as const

/** As which callers of the routes a role counts. The collector is a setting that `npm start` does not have. */
export const callersOf: Readonly<Record<Role, readonly RouteCaller[]>> = {
  nobody: [],
  requester: ['requester', 'executor'],
  producer: ['requester'],
  'another client': [],
  member: [],
  owner: ['owner'],
  reviewer: ['reviewer'],
  operator: ['operator'],
  'security-admin': ['security-admin'],
  analyst: ['analyst'],
  auditor: ['auditor'],
}

const groupOf: Partial<Record<Role, string>> = {
  reviewer: 'data-owners',
  operator: 'operators',
  'security-admin': 'security-admins',
  analyst: 'analysts',
  auditor: 'auditors',
}

export type AccessCast = {
  readonly token: (role: Role) => string | undefined
  readonly foreign: (role: (typeof foreignRoles)[number]) => string
  /** Name of the agent that the owner owns and the requester speaks for. */
  readonly agent: string
  /** Subject id of a person of the tenant. */
  readonly person: string
  readonly foreignTenantId: string
}

/** Registers somebody for every role in the tenant and in another one, through the services' own commands. */
export const openAccessCast = async (running: Running): Promise<AccessCast> => {
  const { mint, tenantId, superuser } = running
  const { issuer } = running.credentials
  const run = randomUUID().slice(0, 8)
  const [intake, notifier] = [poolAs(running, 'countersign_intake'), poolAs(running, 'countersign_notifier')]
  try {
    const registers = new Registers(eventStore(intake, { metadata: { service: 'intake' } }))
    const directory = eventStore(notifier, { metadata: { service: 'notifier' } })
    const people = new RegisterPerson(notifier, directory)
    const groups = new ChangeGroup(directory)
    const { rows } = await superuser.query<{ tenant_id: string }>(
      `select tenant_id from countersign.tenant where tenant_id <> $1`,
      [tenantId],
    )
    const foreignTenant = rows[0]?.tenant_id
    if (foreignTenant === undefined) throw new Error('there is one tenant only')

    const seeded = { changedBy: null, seeded: true } as const
    const personIn = async (tenant: string, subject: string, group: string | undefined): Promise<string> => {
      const person = { tenantId: tenant, issuer, subject, displayName: subject, active: true }
      const { person: id } = await people.handle({ ...seeded, ...person })
      if (group !== undefined) await groups.handle({ ...seeded, tenantId: tenant, group, add: [id], remove: [] })
      return id
    }
    const subjectOf = (role: Role): string => `${role}-${run}`
    let owner = ''
    for (const role of roles) {
      if (['nobody', 'requester', 'producer', 'another client'].includes(role)) continue
      const id = await personIn(tenantId, subjectOf(role), groupOf[role])
      if (role === 'owner') owner = id
    }
    for (const role of foreignRoles) {
      if (role !== 'requester') await personIn(foreignTenant, `foreign-${subjectOf(role)}`, groupOf[role])
    }
    const agent = `owned-${run}`
    const client = (name: string) => ({
      tenantId,
      issuer,
      clientId: name,
      ownerSubject: owner,
      ownerGroup: null,
      ...seeded,
    })
    await registers.producer({ ...client(`producer-${run}`), producer: `producer-${run}` })
    await registers.agent({ ...client(agent), agent, kind: 'agent', producer: `producer-${run}` })
    await registers.producer({ ...client(`another-${run}`), producer: `another-${run}`, ownerSubject: null })

    const tokens = new Map<Role, string>()
    const clientNames: Partial<Record<Role, string>> = {
      requester: agent,
      producer: `producer-${run}`,
      'another client': `another-${run}`,
    }
    for (const role of roles) {
      if (role === 'nobody') continue
      const name = clientNames[role]
      tokens.set(role, await mint.token(name === undefined ? { sub: subjectOf(role) } : { sub: name, client_id: name }))
    }
    const foreignTokens = new Map<string, string>([['requester', running.tokens.replay]])
    for (const role of foreignRoles) {
      if (role !== 'requester') foreignTokens.set(role, await mint.token({ sub: `foreign-${subjectOf(role)}` }))
    }
    return {
      foreignTenantId: foreignTenant,
      agent,
      person: owner,
      token: (role) => tokens.get(role),
      foreign: (role) => foreignTokens.get(role) ?? '',
    }
  } finally {
    await Promise.all([intake.end(), notifier.end()])
  }
}
