import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerProcess, freePort, startBrokerProcess } from './broker-process.ts'
import { classArchive } from './class-archive.ts'
import { formatStorage, newClusterId } from './format-storage.ts'
import { fetchJars } from './jars.ts'
import { defaultCacheDir } from './places.ts'

/** A broker for tests on 127.0.0.1, plaintext, without users. Its data goes when it is stopped. */
export interface TestBroker {
  /** `host:port`, as clients take it; the same after a restart. */
  readonly brokers: readonly string[]
  readonly port: number
  /** Ends the broker by SIGTERM or SIGKILL; its data stays for `restart`. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it again on its data and port, after `end`. */
  restart(): Promise<void>
  freeze(): void
  thaw(): void
  /** Ends it for good and removes its data. Idempotent. */
  stop(): Promise<void>
}

const properties = (dataDir: string, port: number, controllerPort: number): string => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
controller.listener.names=CONTROLLER
log.dirs=${dataDir}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.coordinator.append.linger.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=100
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
`

/** A formatted data folder is only two small files: it is made once and copied, which saves a start of Java. */
const formattedFolder = async (cacheDir: string, jars: string): Promise<string> => {
  const folder = join(cacheDir, 'formatted-test-broker')
  if (existsSync(folder)) return folder
  const draft = `${folder}.${randomUUID()}`
  await mkdir(draft, { recursive: true })
  const propertiesFile = `${draft}.properties`
  await writeFile(propertiesFile, properties(draft, 29_092, 29_093))
  await formatStorage({ jars, propertiesFile, clusterId: newClusterId() })
  await rm(propertiesFile)
  await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }))
  return folder
}

/** Starts a broker for tests, about a second when the cache is warm. Needs Java 17 and, once, Maven. */
export const startTestBroker = async ({
  cacheDir = defaultCacheDir(),
}: {
  readonly cacheDir?: string
} = {}): Promise<TestBroker> => {
  const jars = await fetchJars(cacheDir, () => undefined)
  const folder = await mkdtemp(join(tmpdir(), 'countersign-kafka-'))
  const [port, controllerPort] = [await freePort(), await freePort()]
  const [dataDir, propertiesFile] = [join(folder, 'log'), join(folder, 'server.properties')]
  await cp(await formattedFolder(cacheDir, jars), dataDir, { recursive: true })
  await writeFile(propertiesFile, properties(dataDir, port, controllerPort))
  const archive = classArchive(cacheDir, 'test-broker')
  const start = (): Promise<BrokerProcess> =>
    startBrokerProcess({
      jars,
      propertiesFile,
      logFile: join(folder, 'broker.log'),
      port,
      flags: archive.flags,
    })
  let broker: BrokerProcess | undefined
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    broker?.thaw()
    await (signal === 'SIGTERM' ? broker?.stop() : broker?.kill())
    broker = undefined
    await archive.keep()
  }
  try {
    broker = await start()
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    brokers: [`127.0.0.1:${port}`],
    port,
    end,
    restart: async () => {
      broker ??= await start()
    },
    freeze: () => broker?.freeze(),
    thaw: () => broker?.thaw(),
    stop: async () => {
      await end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
