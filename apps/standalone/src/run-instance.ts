import type { RequestListener } from 'node:http'
import { existsSync } from 'node:fs'
import { type DataDir, openDataDir } from './open-data-dir/open-data-dir.ts'
import { prepareStore } from './prepare-store/prepare-store.ts'
import type { StepPrinter } from './print-steps.ts'
import { type BusName, carryOn } from './carry-on/carry-on.ts'
import { seedDemo } from './seed-demo/seed-demo.ts'
import { checkPolicies } from './start-services/check-policies.ts'
import { listenFrom } from './serve-front/listen.ts'
import { startDemoIdentityProvider, startDemoSlack } from './start-services/outside.ts'
import type { SettingsOptions } from './start-services/settings-of-services.ts'
import { type CertificateOptions, certificatesTaken } from './take-certificates/take-certificates.ts'
import { type KafkaCredentials, writeCredentials } from './write-credentials.ts'

export type InstanceOptions = {
  readonly dataDir: string
  readonly port: number
  readonly policyFolder: string
  readonly logLevel: string
  /** Where executors show certificates; nowhere without a port. */
  readonly certificates?: CertificateOptions
  /** Ends a start that is under way; what was opened is closed again. */
  readonly signal: AbortSignal
}

export type Instance = {
  readonly baseUrl: string
  readonly issuer: string
  readonly slackUrl: string
  readonly dataDir: DataDir
  /** Where executors show certificates. */
  readonly certificatesUrl?: string
  /** What it runs as, a sentence. */
  readonly layout: string
  /** Resolves with a sentence when something has ended by itself without which it cannot go on. */
  readonly broken: Promise<string>
  /** Ends everything in order; true when nothing was broken off. */
  readonly stop: () => Promise<boolean>
}

/** What a start is made with: the printer of steps, and what has to be closed at the end, last opened first. */
export type Starting = {
  readonly dataDir: DataDir
  readonly print: StepPrinter
  /** Ends the start. */
  readonly signal: AbortSignal
  readonly closers: (() => Promise<unknown>)[]
}

/** What the services need before they can start. */
export type Ground = {
  readonly superuserUrl: string
  readonly bus: BusName
  readonly kafka?: KafkaCredentials
  readonly broken: readonly Promise<string>[]
}

/** The services, running. */
export type Running = {
  readonly serve: RequestListener
  readonly broken?: Promise<string>
  readonly stop: () => Promise<boolean>
}

/** How an instance is laid out over processes: the only thing in which its starts differ. */
export type Layout<G extends Ground> = {
  readonly name: string
  readonly open: (starting: Starting) => Promise<G>
  readonly startServices: (ground: G, settings: SettingsOptions, starting: Starting) => Promise<Running>
}

const startingUp: RequestListener = (_request, response) => {
  response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '1' }).end('starting\n')
}

/** Waits until `url` answers 2xx; a URL is printed only if it does. */
const answers = async (url: string): Promise<string> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return url
}

/** A printer whose steps are not begun any more once the signal is aborted. */
const until = (signal: AbortSignal, print: StepPrinter): StepPrinter => ({
  ...print,
  step: async (...step) => {
    signal.throwIfAborted()
    return print.step(...step)
  },
})

/**
 * Starts an instance: database, the demo identity provider and Slack, the services behind one address. What was opened
 * before a failure is closed again.
 */
export const runInstance = async <G extends Ground>(
  options: InstanceOptions,
  layout: Layout<G>,
  printer: StepPrinter,
): Promise<Instance> => {
  const closers: (() => Promise<unknown>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closers.toReversed()) await close().catch(() => undefined)
  }
  const print = until(options.signal, printer)
  const taken = (port: number): void => print.line(`          port ${port} is taken, trying ${port + 1}`)
  try {
    const dataDir = await print.step(
      'open data folder',
      () => openDataDir(options.dataDir),
      ({ path }) => path,
    )
    await print.step(
      'check policies',
      () => checkPolicies(options.policyFolder),
      (rules) => `${rules} rules`,
    )
    const certificates = certificatesTaken(options.certificates ?? {}, dataDir)
    const starting = { dataDir, print, closers, signal: options.signal }
    const ground = await layout.open(starting)
    const urls = await print.step(
      'prepare database',
      async () => {
        const prepared = await prepareStore(ground.superuserUrl, dataDir.secrets)
        await carryOn(dataDir, ground.bus, prepared.of('owner'))
        return prepared
      },
      () => 'roles, schemas, migrations',
    )
    let serve: RequestListener = startingUp
    const listening = await listenFrom(options.port, (request, response) => serve(request, response), taken)
    closers.push(() => listening.close())
    const baseUrl = `http://127.0.0.1:${listening.port}`
    const idp = await print.step(
      'start demo identity provider',
      () => startDemoIdentityProvider(dataDir, { firstPort: listening.port + 1, baseUrl, taken }),
      ({ issuer }) => issuer,
    )
    closers.push(() => idp.stop())
    const idpPort = Number(new URL(idp.issuer).port)
    const slack = await print.step(
      'start demo Slack',
      () => startDemoSlack(dataDir, { port: idpPort + 1, eventsUrl: `${baseUrl}/callbacks/slack`, taken }),
      ({ origin }) => origin,
    )
    closers.push(() => slack.stop())
    const tenants = await print.step(
      'seed registers',
      () => seedDemo(urls, idp.issuer),
      () => 'two people, one agent',
    )
    const running = await layout.startServices(
      ground,
      {
        dataDir,
        urls,
        baseUrl,
        issuer: idp.issuer,
        slackApiUrl: slack.apiUrl,
        tenants,
        policyFolder: options.policyFolder,
        ...(certificates === undefined ? {} : { certificates: certificates.settings }),
      },
      starting,
    )
    closers.push(() => running.stop())
    serve = running.serve
    await print.step('check that everything answers', async () => {
      await answers(`${baseUrl}/readyz`)
      await answers(`${idp.issuer}/.well-known/openid-configuration`)
      await answers(slack.origin)
    })
    writeCredentials(dataDir, {
      baseUrl,
      issuer: idp.issuer,
      slackUrl: slack.origin,
      tenantId: tenants.default,
      superuserUrl: urls.superuser,
      ...(ground.kafka === undefined ? {} : { kafka: ground.kafka }),
      ...(certificates === undefined ? {} : { mutualTls: { url: certificates.url, caFile: certificates.caFile } }),
    })
    const stop = async (): Promise<boolean> => {
      const drained = await running.stop()
      await closeAll()
      return drained
    }
    const broken = Promise.race([...ground.broken, ...(running.broken === undefined ? [] : [running.broken])])
    return {
      baseUrl,
      issuer: idp.issuer,
      slackUrl: slack.origin,
      dataDir,
      ...(certificates === undefined ? {} : { certificatesUrl: certificates.url }),
      layout: layout.name,
      broken,
      stop,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Whether this data folder was started before. */
export const wasStarted = ({ credentialsFile }: DataDir): boolean => existsSync(credentialsFile)
