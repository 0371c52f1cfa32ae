import { createPostgresBus, migrateBus } from '@countersign/bus'
import { newId, storeRoles } from '@countersign/event-store'
import { buildService, eventRecord, Secret } from '@countersign/service-kit'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ActiveSets } from './active-sets.ts'
import { ActivatePolicySet } from './activate-policy-set/activate-policy-set.handler.ts'
import type { PolicySetView } from './activate-policy-set/policy-set-view.ts'
import { PolicyModule } from './policy.module.ts'
import { policyService, type PolicyConfig } from './index.ts'
import { macKey, policyStore, quiet, sampleFolder, samplePolicies, type PolicyStore } from './policy-store.fixture.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const started = async () => {
  const owner = new pg.Client({ connectionString: at.spec.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.policy] })
  await owner.end()
  const bus = createPostgresBus({ pool: at.spec.poolOf('policy'), log: () => undefined })
  const config = {
    DATABASE_URL: new Secret(at.spec.urlOf('policy')),
    DATABASE_POOL: 5,
    STORE_MARK_DIR: at.spec.markSettings.STORE_MARK_DIR,
    STORE_MARK_KEY: new Secret(at.spec.markSettings.STORE_MARK_KEY),
    DEPLOYMENT_KEY_FILE: at.deploymentKeyFile,
    BUS_MAC_KEY: new Secret(macKey.secret.toString('base64url')),
    BUS_MAC_KEY_ID: macKey.kid,
    OIDC_ISSUER: 'http://127.0.0.1:1',
    OIDC_AUDIENCE: 'countersign',
    POLICY_FOLDER: sampleFolder,
    COLLECT_WITHIN_MS: 900_000,
  } as PolicyConfig
  const service = await buildService({ name: 'policy', config, log: quiet, compose: policyService({ bus }) })
  return { bus, service }
}

it('runs: seeds the set of the folder, decides what authentic records wake it for, shows nothing without a token, and stops', async () => {
  const { bus, service } = await started()
  try {
    await service.start()
    const url = await service.listen({ port: 0 })
    const ref = await at.publish()
    const [published] = await at.eventsOf(ref)
    if (published === undefined) throw new Error('nothing was published')
    const unauthenticated = await at.publish()
    const [other] = await at.eventsOf(unauthenticated)
    if (other === undefined) throw new Error('nothing was published')
    await bus.publish([{ ...eventRecord(macKey, other), headers: {} }, eventRecord(macKey, published)])
    while ((await at.eventsOf(ref)).length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await at.eventsOf(ref)).map(({ type }) => type)).toEqual([
      'ActionIntentPublished',
      'PolicyEvaluated',
      'IntentAllowed',
    ])
    expect(await at.eventsOf(unauthenticated)).toHaveLength(1)
    const answer = await fetch(`${url}/v1/policy-sets/active`)
    expect(answer.status).toBe(401)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  } finally {
    expect(await service.stop()).toBe('drained')
    await bus.close()
  }
})

it('shows a person of the tenant what decides: digest, rules, seats, and no Cedar text', async () => {
  const tenantId = await at.spec.addTenant('shown')
  const subjectId = newId()
  await at.spec.superuser.query(
    `insert into countersign.subject (tenant_id, subject_id, iss, sub, salt)
     values ($1, $2, 'https://idp.test', 'ben', decode(repeat('00', 32), 'hex'))`,
    [tenantId, subjectId],
  )
  await at.spec.superuser.query(
    `insert into countersign.person (tenant_id, subject_id, display_name) values ($1, $2, 'Ben')`,
    [tenantId, subjectId],
  )
  const sets = new ActiveSets()
  const { digest } = await new ActivatePolicySet(at.store, sets).seed(tenantId, await samplePolicies())
  let isDelegated = false
  const verifier = {
    verify: async (bearer: string) => ({
      ok: true as const,
      identity: {
        issuer: 'https://idp.test',
        subject: bearer,
        kind: bearer === 'robot' ? 'client' : 'person',
        clientId: 'console',
        actorChain: isDelegated ? [{ issuer: 'https://idp.test', subject: 'agent' }] : [],
      },
    }),
  }
  const service = await buildService({
    name: 'policy',
    config: {},
    log: quiet,
    compose: () => ({
      module: PolicyModule.with({ pool: at.spec.poolOf('policy'), sets, wakeUps: undefined as never }),
      verifier,
    }),
  })
  try {
    const url = await service.listen({ port: 0 })
    const read = async (bearer: string) => {
      const answer = await fetch(`${url}/v1/policy-sets/active`, { headers: { authorization: `Bearer ${bearer}` } })
      return { status: answer.status, body: (await answer.json()) as PolicySetView & { code?: string } }
    }
    const { status, body } = await read('ben')
    expect(status).toBe(200)
    expect(body).toMatchObject({ digest, engine: 'cedar-4.13.0' })
    expect(body.rules.find(({ id }) => id === 'exports-need-a-data-owner')).toEqual({
      id: 'exports-need-a-data-owner',
      effect: 'review',
      text: 'Data leaves its place',
      actions: ['data.export'],
      seats: [{ group: 'data-owners', count: 1 }],
      file: 'data.cedar',
    })
    expect(JSON.stringify(body)).not.toContain('permit')
    expect((await read('robot')).body.code).toBe('not_human')
    isDelegated = true
    expect((await read('ben')).body.code).toBe('not_human')
    isDelegated = false
    expect((await read('stranger')).body.code).toBe('person_inactive')
  } finally {
    await service.stop()
  }
})

it('serves only reads on a store that may have been restored, and decides what waited once that is settled', async () => {
  const undo = await at.spec.setBack()
  const { bus, service } = await started()
  try {
    await service.start()
    const url = await service.listen({ port: 0 })
    const ready = async () => (await fetch(`${url}/readyz`)).json()
    expect(await ready()).toMatchObject({
      status: 'degraded',
      checks: expect.arrayContaining([expect.objectContaining({ name: 'store_mark', code: 'store_behind_mark' })]),
    })
    expect((await fetch(`${url}/v1/policy-sets/active`)).status).toBe(401)
    const ref = await at.publish()
    const [published] = await at.eventsOf(ref)
    if (published === undefined) throw new Error('nothing was published')
    await bus.publish([eventRecord(macKey, published)])
    await undo()
    while ((await at.eventsOf(ref)).length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await at.spec.superuser.query('select from bus.parked_record')).toMatchObject({ rowCount: 0 })
  } finally {
    expect(await service.stop()).toBe('drained')
    await bus.close()
  }
})
