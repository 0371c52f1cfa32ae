import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@countersign/bus'
import { noteSigner, type TrustedLog } from '@countersign/merkle-log'
import { buildService, createLog, type HealthReport, readConfig, type StopOutcome } from '@countersign/service-kit'
import { composeLedger } from './compose-ledger.ts'
import { ledgerConfig } from './ledger.config.ts'
import { freshLedger, type LedgerStore } from './ledger-store.fixture.ts'

export interface LedgerService {
  readonly store: LedgerStore
  readonly url: string
  /** A log as somebody sees it who got its verifier key beforehand. */
  trusted(origin: string): TrustedLog
  /** `GET` of a path below `/v1/ledger`. */
  get(path: string): Promise<Response>
  readiness(): Promise<HealthReport>
  /** The size in the last checkpoint that is served; 0 before the first. */
  publishedSize(logId: string): Promise<number>
  /** Stops the service and drops what it stood on, once; how the service stopped. */
  stop(): Promise<StopOutcome>
}

/** A bus, and what ends it with all that it stands on. */
export interface OpenedBus {
  readonly bus: Bus
  close(): Promise<void>
}

/** The composed service over HTTP on a store of its own, with a bus of the caller's; nobody can sign in. */
export const startLedgerService = async (busOn: (store: LedgerStore) => Promise<OpenedBus>): Promise<LedgerService> => {
  const store = await freshLedger()
  const folder = await mkdtemp(join(tmpdir(), 'countersign-ledger-'))
  const key: KeyObject = generateKeyPairSync('ed25519').privateKey
  await writeFile(join(folder, 'checkpoint.key'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const opened = await busOn(store)
  const service = await buildService({
    name: 'ledger',
    config: readConfig(ledgerConfig, {
      DATABASE_URL: store.urlOf('ledger'),
      OIDC_ISSUER: 'https://nobody.example',
      CHECKPOINT_KEY_FILE: join(folder, 'checkpoint.key'),
      PUBLISHED_MARK_DIR: join(folder, 'marks'),
    }),
    log: createLog({ service: 'ledger', level: 'silent' }),
    compose: composeLedger({ bus: opened.bus }),
  })
  await service.start()
  const url = await service.listen({ port: 0 })
  let stopped: Promise<StopOutcome> | undefined
  const stop = async (): Promise<StopOutcome> => {
    const outcome = await service.stop()
    await opened.close()
    await store.drop()
    await rm(folder, { recursive: true, force: true })
    return outcome
  }
  const get = (path: string) => fetch(`${url}/v1/ledger/${path}`)
  return {
    store,
    url,
    trusted: (origin) => ({ origin, verifiers: [noteSigner(origin, key)] }),
    get,
    readiness: async () => (await (await fetch(`${url}/readyz`)).json()) as HealthReport,
    publishedSize: async (logId) => {
      const response = await get(`${logId}/checkpoint`)
      return response.ok ? Number((await response.text()).split('\n')[1]) : 0
    },
    stop: () => (stopped ??= stop()),
  }
}
