import { type Bus, type BusHooks, createPostgresBus, migrateBus } from '@countersign/bus'
import { storeRoles } from '@countersign/event-store'
import { clientToken, signIn, startIdentityProvider } from '@countersign/loopback/identity-provider'
import { buildService, createLog, type Problem, readConfig } from '@countersign/service-kit'
import pg from 'pg'
import { intakeBench } from './intake.fixture.ts'
import { intakeConfig } from './intake.config.ts'
import { intakeService } from './intake.service.ts'

const audience = 'https://countersign.example'
const clientIds = ['etl', 'etl-bot', 'other-bot', 'rival', 'stranger']
const people = ['olga', 'paul', 'rita', 'audra', 'sam'].map((sub) => ({
  sub,
  name: sub,
  email: `${sub}@corp.example`,
  password: `${sub} password`,
}))

export type Call = {
  readonly as: string
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The bus that intake is on; the postgres driver where nothing else is said. */
export type IntakeBusOptions = {
  readonly openBus?: (options: BusHooks & { readonly pool: pg.Pool; readonly log: () => void }) => Bus
  readonly hooks?: BusHooks
}

/** The whole service over HTTP: a producer with two agents that have clients of their own, a rival producer, five people. */
export const intakeOverHttp = async (
  settings: Readonly<Record<string, string>> = {},
  { openBus = createPostgresBus, hooks = {} }: IntakeBusOptions = {},
) => {
  const provider = await startIdentityProvider({
    port: 0,
    people,
    clients: [
      { kind: 'cli', clientId: 'countersign-cli' },
      ...clientIds.map((clientId) => ({ kind: 'agent' as const, clientId, clientSecret: `${clientId} has a secret` })),
    ],
    audience,
  })
  const bench = await intakeBench({ issuer: provider.issuer })
  const { tenantId } = bench
  const nobody = { ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true }
  const ofEtl = { tenantId, kind: 'agent', producer: 'etl', issuer: provider.issuer, ...nobody } as const
  await bench.registers.agent({ ...ofEtl, agent: 'other-bot', clientId: 'other-bot' })
  await bench.registers.producer({ tenantId, producer: 'rival', issuer: provider.issuer, clientId: 'rival', ...nobody })
  const operator = await bench.addPerson('olga', ['operators'])
  const bystander = await bench.addPerson('paul')
  const admin = await bench.addPerson('rita', ['security-admins'])
  await bench.addPerson('audra', ['auditors'])

  const owner = new pg.Client({ connectionString: bench.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.intake] })
  await owner.end()
  const busPool = new pg.Pool({ connectionString: bench.urlOf('intake'), max: 6 })
  // A spec may cut them.
  for (const each of [busPool, bench.pool]) each.on('error', () => undefined)
  const bus = openBus({ pool: busPool, log: () => undefined, ...hooks })
  const service = await buildService({
    name: 'intake',
    config: readConfig(intakeConfig, {
      DATABASE_URL: bench.urlOf('intake'),
      ...bench.markSettings,
      OIDC_ISSUER: provider.issuer,
      OIDC_AUDIENCE: audience,
      DEPLOYMENT_KEY_FILE: bench.deploymentKeyFile,
      GRANT_KEY_FILE: bench.keyFile,
      PUBLIC_URL: 'https://countersign.example',
      ...settings,
    }),
    log: createLog({ service: 'intake', level: 'silent' }),
    compose: intakeService({ bus }),
  })
  await service.start()
  const url = await service.listen({ port: 0 })

  const tokens = new Map<string, Promise<string>>()
  const tokenOf = (name: string): Promise<string> => {
    const person = people.find(({ sub }) => sub === name)
    const { issuer } = provider
    const token =
      tokens.get(name) ??
      (person === undefined
        ? clientToken({ issuer, clientId: name, clientSecret: `${name} has a secret`, audience })
        : signIn({ issuer, clientId: 'countersign-cli', username: person.email, password: person.password }))
    tokens.set(name, token)
    return token
  }
  /** Calls a route; `code` is that of the problem, or the status where there is none. */
  const call = async ({ as, method = 'POST', path, body = {}, key, headers = {} }: Call) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${await tokenOf(as)}`,
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    const answer = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> & Partial<Problem>
    return { status: response.status, code: answer.code ?? 'ok', answer, headers: response.headers }
  }
  return {
    ...bench,
    bus,
    url,
    /** Where clients show certificates; undefined without MTLS_PORT among the settings. */
    mutualTlsUrl: service.mutualTlsUrl,
    operator,
    bystander,
    admin,
    call,
    tokenOf,
    ready: () => service.checks.report(),
    stop: () => service.stop(),
    close: async () => {
      await service.stop()
      await bus.close()
      await busPool.end()
      await provider.stop()
      await bench.close()
    },
  }
}

export type IntakeOverHttp = Awaited<ReturnType<typeof intakeOverHttp>>
