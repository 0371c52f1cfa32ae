import { type HttpRoute, httpRoutes } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer } from '../instance/call.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import { type AccessCast, callersOf, foreignRoles, openAccessCast, type Role, roles } from './cast.ts'
import { comparable, hasSample, nothing, requestTo, tellsOf, type Things } from './requests.ts'
import { type Maker, thingsOf } from './things.ts'

let running: Running
let cast: AccessCast
let make: Maker
let things: Things
beforeAll(async () => {
  running = await startRunning({ bus: 'postgres' })
  cast = await openAccessCast(running)
  make = thingsOf(running, cast)
  things = await make.all()
}, startTimeoutMs)
afterAll(() => running.stop())

const ask = (route: HttpRoute, about: Things, token: string | undefined): Promise<Answer> => {
  const { path, options } = requestTo(route, about)
  return running.call(path, { ...options, ...(token === undefined ? {} : { token }) })
}

/** A route whose caller has to show who they are. */
const guarded = httpRoutes.filter(({ callers }) => !callers.includes('anyone'))

/** Where it depends on more than the role: the route, the role, whether it is let in, and why. */
const particular: readonly [operation: string, role: Role, isLetIn: boolean, because: string][] = [
  ['registerAgent', 'requester', false, "an agent's own client speaks for that agent only"],
  ['registerAgent', 'another client', true, 'every producer registers agents of its own'],
  ['unlinkAccount', 'owner', true, 'the account is linked to them'],
]

const mayCall = (route: HttpRoute, role: Role): boolean =>
  particular.find(([operation, who]) => operation === route.operation && who === role)?.[2] ??
  ((role !== 'nobody' && route.callers.includes('person') && isPerson(role)) ||
    callersOf[role].some((caller) => route.callers.includes(caller)))

const isPerson = (role: Role): boolean => !['nobody', 'requester', 'producer', 'another client'].includes(role)

/** Turned away, or told of nothing: a list that a caller may ask for holds only what is theirs. */
const isTurnedAway = ({ status, text }: Answer, { method, request }: HttpRoute): boolean =>
  [401, 403, 404].includes(status) ||
  (method === 'GET' && request === undefined && status === 200 && !tellsOf(things, text))

/** What there is afresh for a call that is let in, because it may use it up. */
const afresh: Readonly<Record<string, () => Promise<Partial<Things>>>> = {
  withdrawIntent: () => make.review(),
  recordVerdict: () => make.review(),
  collectGrant: () => make.approved(),
  redeemGrant: () => make.grant(),
  revokeGrant: () => make.grant(),
  reportExecution: () => make.usedGrant(),
  unlinkAccount: () => make.account(),
  unfreeze: () => make.freeze(),
  unfreezeWithReason: () => make.freeze(),
}

/** What ends what a call that was let in began, so that the others meet what they expect. */
const putBack: Readonly<Record<string, () => Promise<unknown>>> = {
  connectFeed: () =>
    running.call('/v1/directory/feed/disconnect', {
      token: cast.token('operator') ?? '',
      body: { reason: 'who may do this' },
    }),
}

/** Refusals of a call that was let in: there was nothing to do. */
const nothingToDo = ['store_in_order', 'log_in_order', 'already_reported', 'not_redeemed', 'id_conflict']
/** Operations that are asked about a name that nobody has, because what they do to a real one would stay. */
const aboutNothing = new Set([
  'redriveParked',
  'removeAgent',
  'removeProducer',
  'reviewAgent',
  'reviewProducer',
  'reviewGroup',
  // Operators keep the directory of the instance.
  'readFeed',
  'disconnectFeed',
  'linkPeople',
  'freeLogin',
])
const hasNothingToDo = ({ operation }: HttpRoute, { status, code }: Answer): boolean =>
  aboutNothing.has(operation) && status === 404 && code !== 'unknown_producer'

describe.each(guarded.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_name, route) => {
  const [may, mayNot] = [roles.filter((role) => mayCall(route, role)), roles.filter((role) => !mayCall(route, role))]

  it.each(mayNot)('turns %s away', async (role) => {
    const answer = await ask(route, things, cast.token(role))
    expect({ status: answer.status, isTurnedAway: isTurnedAway(answer, route) }, answer.text).toEqual({
      status: role === 'nobody' ? 401 : answer.status,
      isTurnedAway: true,
    })
  })

  it.each(may)('lets %s in', async (role) => {
    const about = { ...things, ...(await afresh[route.operation]?.()) }
    const answer = await ask(route, about, cast.token(role))
    const isLetIn = answer.status < 300 || nothingToDo.includes(answer.code ?? '') || hasNothingToDo(route, answer)
    expect(isLetIn, answer.text).toBe(true)
    await putBack[route.operation]?.()
  })

  it.each(foreignRoles)('tells a foreign %s nothing, not even that something is there', async (role) => {
    const missing = nothing(things)
    const [theirs, nobodys] = [
      await ask(route, things, cast.foreign(role)),
      await ask(route, missing, cast.foreign(role)),
    ]
    const { path, options } = requestTo(route, things)
    if (tellsOf(things, JSON.stringify([path, options.body])))
      expect(comparable(theirs, things)).toEqual(comparable(nobodys, missing))
    if (tellsOf(things, path)) expect([401, 403, 404]).toContain(theirs.status)
    expect(tellsOf(things, theirs.text.replaceAll(path, ''))).toBe(false)
  })
})

/** Routes that ask for no token, and what they go by instead. */
const open: Readonly<Record<string, string>> = {
  listServices: 'everybody may know',
  listSigningKeys: 'everybody may know',
  isAlive: 'everybody may know',
  isReady: 'everybody may know',
  readCheckpoint: 'hashes, for whoever has the id of the log',
  readTile: 'hashes, for whoever has the id of the log',
  proveEvent: 'hashes, for whoever has the id of the event',
  proveGrowth: 'hashes, for whoever has the id of the log',
  freezeInEmergency: 'the freeze credential',
  receiveSlackInteraction: 'the signature of the chat',
  beginSignIn: 'sends on to the identity provider',
  finishSignIn: 'a sign-in of this browser',
  showSignOut: 'the session of a page',
  endSignIn: 'the session of a page',
  showLinkPage: 'the address, and the session of a page',
  confirmLink: 'the address, and the session of a page',
  showVerdictPage: 'the address, and the session of a page',
  decideOnPage: 'the address, and the session of a page',
  showKeysPage: 'the session of a page',
  registerKey: 'the session of a page',
}

describe('the matrix', () => {
  it('has a body for each route that takes one, and says what each goes by that asks for no token', () => {
    expect(guarded.filter((route) => !hasSample(route)).map(({ operation }) => operation)).toEqual([])
    const asked = httpRoutes.filter((route) => !guarded.includes(route)).map(({ operation }) => operation)
    expect(asked.sort()).toEqual(Object.keys(open).sort())
  })
})

describe.each(
  httpRoutes
    .filter((route) => !guarded.includes(route))
    .map((route) => [`${route.method} ${route.path}`, open[route.operation], route] as const),
)('%s, which goes by %s,', (_name, _by, route) => {
  it.each(['nobody', ...foreignRoles] as const)('tells %s nothing, and takes no bearer token for it', async (role) => {
    const asSomebody = role === 'nobody' ? undefined : cast.foreign(role)
    const [answer, asNobody] = [await ask(route, things, asSomebody), await ask(route, things, undefined)]
    const { path } = requestTo(route, things)
    const idsOfPath = path.split(/[/?&=]/).filter((part) => part.length > 8)
    const told = idsOfPath.reduce((text, id) => text.replaceAll(id, ''), answer.text)
    expect(tellsOf(things, told)).toBe(false)
    expect(answer.status).toBe(asNobody.status)
  })
})

describe('what others asked for', () => {
  it('changed nothing', async () => {
    const token = cast.token('requester') ?? ''
    const state = async (intentId: string) => (await running.call(`/v1/intents/${intentId}`, { token })).body['state']
    expect([await state(things.intentId), await state(things.approvedId)]).toEqual(['in_review', 'approved'])
    const { rows } = await running.superuser.query<{ active: boolean }>(
      'select active from countersign.freeze where freeze_id = $1',
      [things.freezeId],
    )
    expect(rows).toEqual([{ active: true }])
  })
})

describe('the schemas of the services', () => {
  type Table = {
    readonly schema: string
    readonly table: string
    readonly secured: boolean
    readonly readers: string[]
  }
  /** Tables with a tenant in them beside the store's own, which role-matrix.spec.ts goes through, and who may read them. */
  const tables = async (): Promise<Table[]> => {
    const { rows } = await running.superuser.query<Table>(
      `select n.nspname as schema, n.nspname || '.' || c.relname as table, c.relrowsecurity as secured,
         coalesce((select array_agg(r.rolname::text order by 1) from pg_roles r
           where r.rolname like 'countersign\\_%' and r.rolname <> 'countersign_owner'
             and has_table_privilege(r.oid, c.oid, 'select')), '{}') as readers
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
       where c.relkind in ('r', 'p', 'v') and not c.relispartition and n.nspname <> 'countersign' order by 2`,
    )
    return rows
  }
  /**
   * What a service looks up before it knows a tenant, by an id or the hash of a secret that only the caller has, or works
   * through for all tenants. Everything else that has a tenant is behind row-level security.
   */
  const lookedUp = [
    'intake.issued_grant',
    'intake.refused_record',
    'ledger.log',
    'notifier.card',
    'notifier.page_session',
    'notifier.page_ticket',
    'notifier.review',
    'notifier.scim_group',
    'notifier.scim_user',
    'notifier.security_key',
    'policy.deadline',
  ]
  /** Rows of the tenant that a role sees in a transaction for `named`. */
  const seen = async (role: string, table: string, named: string): Promise<number> => {
    const client = await running.superuser.connect()
    try {
      await client.query('begin')
      await client.query(`set local role ${role}`)
      await client.query(`select set_config('countersign.tenant', $1, true)`, [named])
      const { rows } = await client.query<{ count: string }>(
        `select count(*) as count from ${table} where tenant_id = $1`,
        [running.tenantId],
      )
      return Number(rows[0]?.count)
    } finally {
      await client.query('rollback')
      client.release()
    }
  }

  it('are each read by the role of their service and by no other', async () => {
    const found = await tables()
    expect(found.length).toBeGreaterThan(lookedUp.length)
    expect(found.map(({ table, readers }) => [table, readers])).toEqual(
      found.map(({ table, schema }) => [table, [`countersign_${schema}`]]),
    )
  })

  it('show no row to a transaction that is for another tenant, but for what is looked up before one is known', async () => {
    const found = await tables()
    expect(found.flatMap(({ table, secured }) => (secured ? [] : [table]))).toEqual(lookedUp)
    const counted: Record<string, [own: boolean, foreign: number]> = {}
    const secured = found.filter((each) => each.secured)
    for (const { table, readers } of secured) {
      const [role = ''] = readers
      const own = (await seen(role, table, running.tenantId)) > 0
      counted[table] = [own, await seen(role, table, cast.foreignTenantId)]
    }
    expect(counted).toEqual(Object.fromEntries(secured.map(({ table }) => [table, [true, 0]])))
  })
})
