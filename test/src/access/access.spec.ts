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

/** Refusals of a call that was let in: there was nothing to do. */
const nothingToDo = ['store_in_order', 'already_reported', 'not_redeemed', 'id_conflict']
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
])
const hasNothingToDo = ({ operation }: HttpRoute, { status, code }: Answer): boolean =>
  aboutNothing.has(operation) && status === 404 && code !== 'unknown_producer'

describe.each(guarded.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_name, route) => {
  const [may, mayNot] = [roles.filter((role) => mayCall(route, role)), roles.filter((role) => !mayCall(route, role))]

  it.each(mayNot)('turns %s away', async (role) => {
    const answer = await ask(route, things, cast.token(role))
    // Without a sample the body may be what is refused, before anything else is looked at.
    const isBodyRefused = !hasSample(route) && answer.status === 400
    expect({ status: answer.status, isTurnedAway: isTurnedAway(answer, route) || isBodyRefused }, answer.text).toEqual({
      status: role === 'nobody' ? 401 : answer.status,
      isTurnedAway: true,
    })
  })

  it.each(may)('lets %s in', async (role) => {
    const about = { ...things, ...(await afresh[route.operation]?.()) }
    const answer = await ask(route, about, cast.token(role))
    const isLetIn =
      answer.status < 300 ||
      nothingToDo.includes(answer.code ?? '') ||
      hasNothingToDo(route, answer) ||
      (!hasSample(route) && answer.status === 400)
    expect(isLetIn, answer.text).toBe(true)
  })

  it.each(foreignRoles)('tells a foreign %s nothing, not even that something is there', async (role) => {
    const missing = nothing(things)
    const [theirs, nobodys] = [
      await ask(route, things, cast.foreign(role)),
      await ask(route, missing, cast.foreign(role)),
    ]
    const isAboutIds = JSON.stringify(requestTo(route, things).path) !== JSON.stringify(requestTo(route, missing).path)
    if (isAboutIds) {
      expect(comparable(theirs, things)).toEqual(comparable(nobodys, missing))
      expect([401, 403, 404]).toContain(theirs.status)
    }
    expect(tellsOf(things, theirs.text.replaceAll(requestTo(route, things).path, ''))).toBe(false)
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
