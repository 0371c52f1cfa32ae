import { startEmbeddedPostgres, type EmbeddedPostgres } from '@countersign/embedded-postgres'
import type { RequestListener } from 'node:http'
import { existsSync } from 'node:fs'
import { openDataDir, type DataDir } from './open-data-dir/open-data-dir.ts'
import { prepareStore, superuserUrlOf } from './prepare-store/prepare-store.ts'
import { sessionsEnded } from './prepare-store/sessions-ended.ts'
import type { StepPrinter } from './print-steps.ts'
import { seedDemo } from './seed-demo/seed-demo.ts'
import { checkPolicies } from './start-services/check-policies.ts'
import { pruneBus } from './prune-bus/prune-bus.ts'
import { readiness } from './serve-front/readiness.ts'
import { front, type ServedService } from './serve-front/route.ts'
import { listenFrom } from './serve-front/listen.ts'
import { startDemoIdentityProvider, startDemoSlack } from './start-services/outside.ts'
import { startServices } from './start-services/start-services.ts'
import { writeCredentials } from './write-credentials.ts'

export type StandaloneOptions = {
  readonly dataDir: string
  readonly port: number
  readonly policyFolder: string
  readonly logLevel: string
}

export type Standalone = {
  readonly baseUrl: string
  readonly issuer: string
  readonly slackUrl: string
  readonly dataDir: DataDir
  /** Resolves when the database has ended by itself. */
  readonly broken: Promise<void>
  /** Ends everything in order; true when nothing was broken off. */
  readonly stop: () => Promise<boolean>
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

/**
 * Starts everything in this process: PostgreSQL, the demo identity provider and Slack, the services and the relay. What was
 * opened before a failure is closed again.
 */
export const runStandalone = async (options: StandaloneOptions, print: StepPrinter): Promise<Standalone> => {
  const closers: (() => Promise<unknown>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closers.toReversed()) await close().catch(() => undefined)
  }
  const taken = (port: number): void => print.line(`          port ${port} is taken, trying ${port + 1}`)
  try {
    const dataDir = await print.step(
      'open data folder',
      () => openDataDir(options.dataDir),
      ({ path }) => path,
    )
    const first = !existsSync(dataDir.credentialsFile)
    await print.step(
      'check policies',
      () => checkPolicies(options.policyFolder),
      (rules) => `${rules} rules`,
    )
    const server: EmbeddedPostgres = await print.step(
      first ? 'create PostgreSQL' : 'start PostgreSQL',
      () => startEmbeddedPostgres({ dataDir: dataDir.postgres }),
      ({ version, port }) => `${version} on 127.0.0.1:${port}`,
    )
    closers.push(() => server.stop())
    const urls = await print.step(
      'prepare database',
      () => prepareStore(superuserUrlOf(server), dataDir.secrets),
      () => 'roles, schemas, migrations',
    )
    let serve: RequestListener = startingUp
    const listening = await listenFrom(options.port, (request, response) => serve(request, response), taken)
    closers.push(() => listening.close())
    const baseUrl = `http://127.0.0.1:${listening.port}`
    const idp = await print.step(
      'start demo identity provider',
      () => startDemoIdentityProvider(dataDir, listening.port + 1, taken),
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
    const running = await print.step(
      'start services',
      () =>
        startServices({
          dataDir,
          urls,
          baseUrl,
          issuer: idp.issuer,
          slackApiUrl: slack.apiUrl,
          tenants,
          policyFolder: options.policyFolder,
          logLevel: options.logLevel,
        }),
      () => 'intake policy notifier ledger lineage-projector relay',
    )
    closers.push(
      () => sessionsEnded(urls.superuser),
      () => running.stop(),
    )
    const { services } = running
    const handled =
      (name: ServedService): RequestListener =>
      (request, response) =>
        services[name].handle(request, response)
    serve = front(
      {
        intake: handled('intake'),
        policy: handled('policy'),
        notifier: handled('notifier'),
        ledger: handled('ledger'),
        'lineage-projector': handled('lineage-projector'),
      },
      readiness(running.all),
    )
    const pruning = pruneBus(urls.of('owner'))
    closers.push(() => pruning.stop())
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
    })
    const stop = async (): Promise<boolean> => {
      const drained = await running.stop()
      await closeAll()
      return drained
    }
    return { baseUrl, issuer: idp.issuer, slackUrl: slack.origin, dataDir, broken: server.exited, stop }
  } catch (error) {
    await closeAll()
    throw error
  }
}
