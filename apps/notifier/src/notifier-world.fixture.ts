import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgresBus, migrateBus } from '@countersign/bus'
import { type EventData, type EventOf, isRefusal } from '@countersign/contracts'
import {
  attemptsStream,
  createDeploymentKeyFile,
  deploymentKeyFromFile,
  eventStore,
  keyring,
  type StoredEvent,
  storeRoles,
  type StreamRef,
} from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import {
  clientToken,
  type IdentityProvider,
  signIn,
  startIdentityProvider,
} from '@countersign/loopback/identity-provider'
import { type Message, startLoopbackSlack } from '@countersign/loopback/slack'
import { buildService, createLog, eventRecord, Secret, type Service } from '@countersign/service-kit'
import pg from 'pg'
import {
  ChangeGroup,
  LinkAccount,
  migrateNotifier,
  type NotifierConfig,
  notifierService,
  RegisterPerson,
} from './index.ts'
import { type Asked, type Asking, ask } from './asking.fixture.ts'
import type { SlackCallback } from './channels/slack/slack-callback.ts'
import { SLACK_CALLBACK } from './tokens.ts'

export const audience = 'https://countersign.example'
export const signingSecret = 'spec-signing-secret-of-slack'
export const slackChannel = 'C0APPROVALS'
const macKey = { kid: '1', secret: randomBytes(32) }
const botToken = 'xoxb-spec'
const pagesClientId = 'countersign-pages'
const agentClient = { kind: 'agent', clientId: 'etl-bot', clientSecret: 'a-secret-of-the-etl-bot' } as const

/** Dana owns the agent and is a data owner; Ben and Cora are data owners; Erin is in security; Audra is an auditor; Nora has no account yet. */
export const names = ['dana', 'ben', 'cora', 'erin', 'audra', 'olga', 'nora'] as const
export type Name = (typeof names)[number]
/** The others have a password only. */
const signsInWithTwoFactors: ReadonlySet<Name> = new Set(['cora'])
const groupsOf: Record<string, readonly Name[]> = {
  'data-owners': ['dana', 'ben', 'cora'],
  security: ['erin'],
  auditors: ['audra'],
  operators: ['olga'],
  'night-shift': ['nora'],
}
export const slackIdOf = (name: Name | 'guest'): string => `U0${name.toUpperCase()}`

export type NotifierWorld = Awaited<ReturnType<typeof startWorld>>

export const until = async <T>(find: () => T | undefined | Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The notifier with everything around it: store, bus, identity provider and Slack, all on this machine. */
export const startWorld = async () => {
  const spec = await freshStore()
  await migrateNotifier(spec.urlOf('owner'))
  const owner = new pg.Client({ connectionString: spec.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.notifier] })
  await owner.end()
  const folder = await mkdtemp(join(tmpdir(), 'notifier-spec-'))
  const keyFile = join(folder, 'deployment.key')
  await createDeploymentKeyFile(keyFile)
  const deploymentKey = await deploymentKeyFromFile(keyFile)
  const issuersFile = join(folder, 'issuers.json')
  await writeFile(issuersFile, '{"issuers": []}')
  const intakeKeys = keyring({ pool: spec.poolOf('intake'), deploymentKey })
  const stores = {
    intake: eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } }),
    policy: eventStore(spec.poolOf('policy'), { metadata: { service: 'policy' } }),
    notifier: eventStore(spec.poolOf('notifier'), { metadata: { service: 'notifier' } }),
  }
  const port = await freePort()
  // A security key belongs to a host name, never to an address.
  const publicUrl = `http://localhost:${port}`
  const idp = await startIdentityProvider({
    port: 0,
    audience,
    people: names.map((name) => ({
      sub: name,
      name,
      email: `${name}@corp.example`,
      password: `password of ${name}`,
      ...(signsInWithTwoFactors.has(name) ? { amr: ['pwd', 'otp', 'mfa'] } : {}),
    })),
    clients: [
      agentClient,
      { kind: 'cli', clientId: 'countersign-cli' },
      { kind: 'web', clientId: pagesClientId, redirectUris: [`${publicUrl}/me/sign-in/callback`] },
    ],
  })
  const slack = await startLoopbackSlack({
    port: 0,
    signingSecret,
    botToken,
    appTimeoutMs: 60_000,
    channels: [{ id: slackChannel, name: 'approvals' }],
    people: [
      { id: slackIdOf('guest'), name: 'guest', email: 'guest@elsewhere.example' },
      ...names.map((name) => ({ id: slackIdOf(name), name, email: `${name}@corp.example` })),
    ],
  })
  const people = await seedDirectory(spec, stores.notifier, idp)
  const bus = createPostgresBus({ pool: spec.poolOf('notifier'), log: () => undefined })
  const config = {
    DATABASE_URL: new Secret(spec.urlOf('notifier')),
    DATABASE_POOL: 10,
    STORE_MARK_DIR: spec.markSettings.STORE_MARK_DIR,
    STORE_MARK_KEY: new Secret(spec.markSettings.STORE_MARK_KEY),
    DEPLOYMENT_KEY_FILE: keyFile,
    BUS_MAC_KEY: new Secret(macKey.secret.toString('base64url')),
    BUS_MAC_KEY_ID: macKey.kid,
    PUBLIC_URL: publicUrl,
    OPERATORS_TENANT: spec.tenantId,
    OIDC_PAGES_CLIENT_ID: pagesClientId,
    OIDC_ISSUER: idp.issuer,
    OIDC_AUDIENCE: audience,
    OIDC_ISSUERS_FILE: issuersFile,
    OIDC_MFA_ACR: ['mfa'],
    OIDC_MFA_AMR: ['mfa'],
    COLLECT_WITHIN_MS: 900_000,
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: new Secret(botToken),
    SLACK_SIGNING_SECRET: new Secret(signingSecret),
    SLACK_CHANNELS: [`${spec.tenantId}=${slackChannel}`],
  } as NotifierConfig
  const log = createLog({ service: 'notifier', level: 'silent' })
  const build = () => buildService({ name: 'notifier', config, log, compose: notifierService({ bus }) })
  const open = async (service: Service): Promise<string> => {
    await service.start()
    const address = await service.listen({ port })
    slack.connect(`${address}/callbacks/slack`)
    return address
  }
  let service = await build()
  let url = await open(service)

  const load = async (ref: StreamRef): Promise<readonly StoredEvent[]> =>
    (await stores.notifier.load([ref])).of(ref).events
  const attemptsOf = (asking: Asking) => load(attemptsStream(asking.tenantId, asking.intentId))

  return {
    spec,
    slack,
    idp,
    people,
    publicUrl,
    /** Further issuers, as the service reads them. */
    issuersFile,
    stores,
    keys: intakeKeys,
    notifierKeys: keyring({ pool: spec.poolOf('notifier'), deploymentKey }),
    get url() {
      return url
    },
    /** Carries an intent's events to the notifier, as the relay does. */
    carry: async ({ ref }: Asking) => bus.publish((await load(ref)).map((event) => eventRecord(macKey, event))),
    /** An intent under review; the notifier does not know of it before it is carried. */
    ask: (asked: Asked = {}) => ask({ tenantId: spec.tenantId, stores, keys: intakeKeys, owner: people.dana }, asked),
    /** Appends another service's event to an intent. */
    appendAs: async (role: 'intake' | 'policy', { ref }: Asking, event: EventOf) => {
      await stores[role].execute(
        { streams: [ref] },
        { decide: () => ({ append: [{ stream: ref, events: [event] }], answer: 0 }) },
      )
    },
    eventsOf: ({ ref }: Asking) => load(ref),
    attemptsOf,
    /** The attempts of one type, data only. */
    attemptsNamed: async <N extends StoredEvent['type']>(asking: Asking, type: N) =>
      (await attemptsOf(asking)).flatMap((event) => (event.type === type ? [event.data as EventData<N>] : [])),
    /** The card of a review, once it is there and `holds`. */
    card: ({ intentId }: Asking, holds: (text: string) => boolean = () => true): Promise<Message> =>
      until(() =>
        slack.messages(slackChannel).find((message) => {
          const text = JSON.stringify(message.blocks)
          return text.includes(intentId) && holds(text)
        }),
      ),
    token: (name: Name) =>
      signIn({ issuer: idp.issuer, clientId: 'countersign-cli', username: name, password: `password of ${name}` }),
    agentToken: () => clientToken({ issuer: idp.issuer, ...agentClient, audience }),
    /** Resolves when what was acknowledged to Slack is done. */
    idle: () => service.app.get<SlackCallback>(SLACK_CALLBACK).idle(),
    /** Stops the service and starts another one over the same store. */
    restart: async () => {
      await service.stop()
      service = await build()
      url = await open(service)
    },
    stop: async () => {
      await service.stop()
      await bus.close()
      await Promise.all([slack.stop(), idp.stop()])
      await spec.drop()
      await rm(folder, { recursive: true })
    },
  }
}

/** A port that nobody has: the address of the pages is known to the identity provider before the service runs. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const seedDirectory = async (
  spec: SpecStore,
  store: ReturnType<typeof eventStore>,
  idp: IdentityProvider,
): Promise<Record<Name, string>> => {
  const seed = { tenantId: spec.tenantId, seeded: true, changedBy: null } as const
  const registering = new RegisterPerson(spec.poolOf('notifier'), store)
  const groups = new ChangeGroup(store)
  const accounts = new LinkAccount(store)
  const people: [Name, string][] = []
  for (const name of names) {
    const displayName = name.charAt(0).toUpperCase() + name.slice(1)
    const { person } = await registering.handle({
      ...seed,
      issuer: idp.issuer,
      subject: name,
      displayName,
      active: true,
    })
    people.push([name, person])
    if (name === 'nora') continue
    const linked = await accounts.handle({
      ...seed,
      provider: 'slack',
      teamId: 'T0LOOP',
      userId: slackIdOf(name),
      person,
    })
    if (isRefusal(linked)) throw new Error(linked.code)
  }
  const ids = Object.fromEntries(people) as Record<Name, string>
  for (const [group, members] of Object.entries(groupsOf)) {
    const changed = await groups.handle({ ...seed, group, add: members.map((name) => ids[name]), remove: [] })
    if (isRefusal(changed)) throw new Error(changed.code)
  }
  return ids
}
