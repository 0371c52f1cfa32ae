import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countersign, type Countersign } from '@countersign/client'
import { clientToken, signIn } from '@countersign/loopback/identity-provider'
import pg from 'pg'
import { type Answer, call, type CallOptions } from './instance/call.ts'
import { type Bus, type BusName, busNames } from './instance/bus.ts'
import { freePorts } from './instance/free-ports.ts'
import { kafkaFolder, startTestKafka, type TestKafka } from './instance/kafka-bus.ts'
import { postgresBus } from './instance/postgres-bus.ts'
import { ProductProcess } from './instance/product-process.ts'
import { slackDriver, type SlackDriver } from './instance/slack-driver.ts'
import { type Mint, mintWith } from './instance/tokens.ts'

type Client = { readonly clientId: string; readonly clientSecret: string }

/** What a first start wrote for the command line, as far as the tests read it. */
export type Credentials = {
  readonly baseUrl: string
  readonly issuer: string
  readonly slackUrl: string
  readonly tenantId: string
  readonly audience: string
  readonly cliClientId: string
  readonly agents: Readonly<Record<string, Client>>
  readonly producers: Readonly<Record<string, Client>>
  readonly people: Readonly<Record<string, { username: string; password: string; slackUser: string; name: string }>>
  readonly store: { readonly superuserUrl: string }
  /** Where the brokers are, when it is on Kafka. */
  readonly kafka?: { readonly brokers: readonly string[] }
  /** Where it takes client certificates, when it was started with a port for them. */
  readonly mutualTls?: { readonly url: string; readonly caFile?: string }
}

export type Tokens = { readonly agent: string; readonly replay: string; readonly dana: string; readonly ben: string }

/** The built product, running, with everything that a story needs to act as somebody. */
export type Running = {
  readonly baseUrl: string
  readonly dataDir: string
  readonly tenantId: string
  readonly credentials: Credentials
  /** Access tokens of the demo's people and clients, good for an hour. */
  readonly tokens: Tokens
  readonly mint: Mint
  /** The published client, acting as etl-bot. */
  readonly client: Countersign
  readonly slack: SlackDriver
  readonly bus: Bus
  /** Its broker, when it is on Kafka. */
  readonly kafka: TestKafka | undefined
  /** The database's superuser: sees and may do everything. */
  readonly superuser: pg.Pool
  readonly process: ProductProcess
  /** A request to the product; `path` begins with a slash. */
  call<Body = Record<string, unknown>>(path: string, options?: CallOptions): Promise<Answer<Body>>
  /** Ends the product; the data stays. */
  halt(): Promise<void>
  /** Starts it again on the same data and ports. */
  resume(): Promise<void>
  /** Ends the product and removes everything it left. */
  stop(): Promise<void>
}

export type RunningOptions = {
  /** Default: what `STORIES_ON` says, else postgres. */
  readonly bus?: BusName
  readonly logLevel?: 'warn' | 'debug' | 'trace'
  /** More variables of the product's environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** More arguments for the product's command line, made from its data folder and a free port. */
  readonly more?: (dataDir: string, freePort: number) => readonly string[]
}

const readCredentials = async (dataDir: string): Promise<Credentials> =>
  JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8')) as Credentials

const superuserPool = (credentials: Credentials): pg.Pool => {
  const pool = new pg.Pool({ connectionString: credentials.store.superuserUrl, max: 4 })
  pool.on('error', () => undefined)
  return pool
}

const tokensOf = async ({ issuer, audience, cliClientId, agents, producers, people }: Credentials): Promise<Tokens> => {
  const asClient = (client: Client | undefined): Promise<string> => {
    if (client === undefined) throw new Error('the demo has no such client')
    return clientToken({ issuer, audience, ...client })
  }
  const asPerson = (name: string): Promise<string> => {
    const { username = '', password = '' } = people[name] ?? {}
    return signIn({ issuer, audience, clientId: cliClientId, username, password })
  }
  const [agent, replay, dana, ben] = await Promise.all([
    asClient(agents['etl-bot']),
    asClient(producers['replay']),
    asPerson('dana'),
    asPerson('ben'),
  ])
  return { agent, replay, dana, ben }
}

/** How long a start may take on a busy machine, a broker's included. */
export const startTimeoutMs = 300_000

const namedBus = (): BusName => busNames.find((name) => name === process.env['STORIES_ON']) ?? 'postgres'

const servicePorts = 10
const brokerPorts = 4

/**
 * Starts the built product on free ports and a data folder of its own: as one process, or, on Kafka, as a process for each
 * service with a secured broker. One per spec file: a start takes some seconds.
 */
export const startRunning = async (options: RunningOptions = {}): Promise<Running> => {
  const { bus: busName = namedBus(), logLevel = 'warn', environment = {}, more } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  // As root the database runs as another account, which has to pass this folder: else its files would go elsewhere and stay.
  await chmod(dataDir, 0o711)
  const removeData = (): Promise<void> => rm(dataDir, { recursive: true, force: true })
  let kafka: TestKafka | undefined
  try {
    const port = await freePorts(servicePorts + brokerPorts)
    if (busName === 'kafka') {
      kafka = await startTestKafka(kafkaFolder(dataDir), port + servicePorts, async (run) => {
        await halt()
        await run()
        await resume()
      })
    }
    const start = (): Promise<ProductProcess> =>
      ProductProcess.start({
        dataDir,
        port,
        logLevel,
        bus: busName,
        environment: { ...kafka?.environment, ...environment },
        more: more?.(dataDir, port + servicePorts - 1) ?? [],
      })
    let product = await start()
    let credentials = await readCredentials(dataDir)
    let superuser = superuserPool(credentials)
    const { baseUrl, issuer, audience, tenantId, slackUrl } = credentials
    const tokens = await tokensOf(credentials)
    const halt = async (): Promise<void> => {
      await superuser.end()
      await product.stop()
    }
    const resume = async (): Promise<void> => {
      product = await start()
      credentials = await readCredentials(dataDir)
      superuser = superuserPool(credentials)
    }
    return {
      baseUrl,
      dataDir,
      tenantId,
      tokens,
      get credentials() {
        return credentials
      },
      get superuser() {
        return superuser
      },
      get process() {
        return product
      },
      mint: await mintWith({ issuer, audience, keyFile: join(dataDir, 'keys', 'identity-provider.json') }),
      client: countersign({ baseUrl, token: async () => tokens.agent }),
      slack: slackDriver(slackUrl),
      bus: kafka ?? postgresBus(() => superuser),
      kafka,
      call: (path, options) => call(`${baseUrl}${path}`, options),
      halt,
      resume,
      stop: async () => {
        try {
          if (product.isRunning) await halt()
        } finally {
          await kafka?.close()
          await removeData()
        }
      },
    }
  } catch (error) {
    await kafka?.close()
    await removeData()
    throw error
  }
}
