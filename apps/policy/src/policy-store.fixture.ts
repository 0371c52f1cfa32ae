import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeliveredRecord } from '@countersign/bus'
import { sealedIntentPurpose, topics, type EventData, type IntentEvent, type JsonObject } from '@countersign/contracts'
import {
  createDeploymentKeyFile,
  deploymentKeyFromFile,
  eventStore,
  keyring,
  newId,
  type EventStore,
  type Keyring,
  type StoredEvent,
  type StreamRef,
} from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { commitment, parametersCommitment } from '@countersign/redaction'
import { createLog } from '@countersign/service-kit'
import { readPolicyFolder } from './activate-policy-set/read-policy-folder.ts'
import { migratePolicy } from './migrate-policy.ts'

/** The sample policy set of the repository. */
export const sampleFolder = fileURLToPath(new URL('../../../policies', import.meta.url))
export const samplePolicies = () => readPolicyFolder(sampleFolder)
export const quiet = createLog({ service: 'policy', level: 'silent' })

const salt = Buffer.alloc(32, 7).toString('base64url')
const digest = `sha256:${'a'.repeat(64)}`

type Published = EventData<'ActionIntentPublished'>

/** A store with policy's tables, where a spec can publish intents as intake would. */
export type PolicyStore = {
  readonly spec: SpecStore
  readonly store: EventStore
  readonly keyring: Keyring
  readonly deploymentKeyFile: string
  publish(over?: Partial<Published> & { parameters?: JsonObject; tenantId?: string }): Promise<StreamRef>
  /** Appends another service's events to an intent. */
  appendAs(role: 'intake' | 'notifier', ref: StreamRef, events: readonly IntentEvent[]): Promise<void>
  eventsOf(ref: StreamRef): Promise<readonly StoredEvent[]>
  drop(): Promise<void>
}

export const policyStore = async (): Promise<PolicyStore> => {
  const spec = await freshStore()
  await migratePolicy(spec.urlOf('owner'))
  const folder = await mkdtemp(join(tmpdir(), 'policy-spec-'))
  const deploymentKeyFile = join(folder, 'deployment.key')
  await createDeploymentKeyFile(deploymentKeyFile)
  const deploymentKey = await deploymentKeyFromFile(deploymentKeyFile)
  const intakeKeys = keyring({ pool: spec.poolOf('intake'), deploymentKey })
  const stores = {
    intake: eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } }),
    notifier: eventStore(spec.poolOf('notifier'), { metadata: { service: 'notifier' } }),
  }
  const store = eventStore(spec.poolOf('policy'), { metadata: { service: 'policy' } })

  const publish: PolicyStore['publish'] = async ({ parameters = {}, tenantId = spec.tenantId, ...over } = {}) => {
    const intentId = newId()
    const sealedId = newId()
    const ref: StreamRef = { kind: 'intent', streamId: intentId, tenantId }
    const sealed = await intakeKeys.sealBatch([
      {
        tenantId,
        streamId: intentId,
        sealedId,
        purpose: sealedIntentPurpose,
        plaintext: Buffer.from(JSON.stringify({ salt, parameters, preconditions: null })),
      },
    ])
    const data: Published = {
      intentId,
      producer: 'crew',
      agent: { subjectId: newId(), name: 'etl-bot', kind: 'agent' },
      requester: newId(),
      executor: { subjectId: newId(), clientId: 'etl-bot' },
      onBehalfOf: null,
      owners: [],
      delegation: [],
      assertedParties: [],
      action: 'data.read',
      target: 'db/orders',
      environment: 'production',
      payload: { sealedId, parametersCommitment: parametersCommitment(salt, parameters) },
      bindingVersion: 1,
      actionDigest: digest,
      requestFingerprint: `hmac-sha256:${'b'.repeat(64)}`,
      deadline: new Date(Date.now() + 3_600_000).toISOString(),
      ...over,
    }
    await stores.intake.execute(
      { streams: [ref] },
      {
        decide: () => ({ append: [{ stream: ref, events: [{ type: 'ActionIntentPublished', data }] }], answer: 0 }),
        effects: (tx) => intakeKeys.writeSealed(tx, sealed),
      },
    )
    return ref
  }

  return {
    spec,
    store,
    keyring: keyring({ pool: spec.poolOf('policy'), deploymentKey }),
    deploymentKeyFile,
    publish,
    appendAs: async (role, ref, events) => {
      await stores[role].execute(
        { streams: [ref] },
        { decide: () => ({ append: [{ stream: ref, events }], answer: 0 }) },
      )
    },
    eventsOf: async (ref) => (await store.load([ref])).of(ref).events,
    drop: async () => {
      await spec.drop()
      await rm(folder, { recursive: true })
    },
  }
}

export const macKey = { kid: '1', secret: Buffer.alloc(32, 9) }

/** A record of the events topic with this value. */
export const recordOf = (value: Uint8Array | null): DeliveredRecord => ({
  topic: topics.events,
  key: 'k',
  value,
  headers: {},
  position: '0',
  timestamp: '2026-11-21T10:00:00.000Z',
})

/** The wake-up for an event of a stream, as the relay publishes it. */
export const wakeUp = ({ streamId, tenantId }: StreamRef, name = 'ActionIntentPublished'): DeliveredRecord =>
  recordOf(
    Buffer.from(
      JSON.stringify({ specversion: '1.0', type: `dev.countersign.${name}.v1`, subject: streamId, tenantid: tenantId }),
    ),
  )

/** Whether a commitment belongs to sealed facts. */
export const opensCommitment = (plaintext: Buffer, committed: string): boolean => {
  const sealed = JSON.parse(plaintext.toString('utf8')) as { salt: string; facts: unknown }
  return commitment(sealed.salt, sealed.facts) === committed
}
