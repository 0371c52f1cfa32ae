import { createSecretKey, type KeyObject } from 'node:crypto'
import type pg from 'pg'
import { type DeploymentKey, decrypt, encrypt, newKey, newNonce, unwrapKey, wrapKey } from './deployment-key.ts'
import { KeyCache } from './key-cache.ts'
import {
  insertSealed,
  type PayloadToSeal,
  readIntentKeys,
  type SealedBatch,
  type SealedRow,
  selectSealed,
  type StreamOfTenant,
} from './sealed-rows.ts'
import { newId } from './stream.ts'
import { type TenantKeys, tenantKeys } from './tenant-keys.ts'
import { type Transaction, withTenants } from './transaction.ts'

/** Largest payload that can be sealed, in bytes. */
export const maxSealedBytes = 256 * 1024

export type OpenedPayload =
  | { readonly status: 'open'; readonly purpose: string; readonly streamId: string; readonly plaintext: Buffer }
  /** The key was destroyed: an erasure. */
  | { readonly status: 'erased' }
  | { readonly status: 'missing' }

export type Keyring = ReturnType<typeof keyring>

type IntentKey = { readonly keyId: string; readonly key: KeyObject }

const intentContext = (stream: StreamOfTenant, keyId: string) =>
  `countersign intent key ${stream.tenantId} ${stream.streamId} ${keyId}`
const payloadContext = (item: Omit<PayloadToSeal, 'plaintext'>, keyId: string) =>
  `countersign sealed ${item.tenantId} ${item.streamId} ${item.sealedId} ${keyId} ${item.purpose}`

/**
 * Seals and opens payloads: AES-256-GCM by a key per intent, wrapped by the tenant's key, wrapped by the deployment's.
 * Only intake, policy and notifier may use it. Unwrapped keys are kept for `keepMs` (5 minutes).
 */
export function keyring(options: {
  readonly pool: pg.Pool
  readonly deploymentKey: DeploymentKey
  readonly keepMs?: number
}) {
  const { pool, deploymentKey, keepMs = 5 * 60_000 } = options
  const keysOfTenants = tenantKeys({ pool, deploymentKey, keepMs })
  const cache = new KeyCache<IntentKey>({ keepMs, max: 10_000 })
  const nameOf = (stream: StreamOfTenant) => `${stream.tenantId}/${stream.streamId}`

  async function keysOfIntents(streams: readonly StreamOfTenant[], isNew: ReadonlySet<string>) {
    const wanted = new Map(streams.map((stream) => [nameOf(stream), stream]))
    const found = new Map<string, IntentKey>()
    const newKeys: SealedBatch['newKeys'][number][] = []
    for (const name of wanted.keys()) {
      const cached = cache.get(name)
      if (cached !== undefined) found.set(name, cached)
    }
    const ofTenant = await keysOfTenants([...wanted.values()].map((stream) => stream.tenantId))
    const toRead = [...wanted].filter(([name]) => !found.has(name) && !isNew.has(name)).map(([, stream]) => stream)
    if (toRead.length > 0) {
      for (const row of await readIntentKeys(pool, toRead)) {
        const wrapping = ofTenant.get(row.tenantId)?.wrapping
        if (wrapping === undefined) continue
        const key = {
          keyId: row.keyId,
          key: createSecretKey(unwrapKey(wrapping, row.wrapped, intentContext(row, row.keyId))),
        }
        found.set(nameOf(row), key)
        cache.set(nameOf(row), key)
      }
    }
    for (const [name, stream] of wanted) {
      const wrapping = ofTenant.get(stream.tenantId)?.wrapping
      if (found.has(name) || wrapping === undefined) continue
      const bytes = newKey()
      const fresh = { keyId: newId(), key: createSecretKey(bytes) }
      found.set(name, fresh)
      const wrapped = wrapKey(wrapping, bytes, intentContext(stream, fresh.keyId))
      newKeys.push({ tenantId: stream.tenantId, streamId: stream.streamId, keyId: fresh.keyId, wrapped })
    }
    return { found, newKeys }
  }

  function openWith(
    ofTenant: ReadonlyMap<string, TenantKeys>,
    refs: readonly SealedRef[],
    read: readonly SealedRow[],
  ): Map<string, OpenedPayload> {
    const opened = new Map<string, OpenedPayload>(refs.map((ref) => [ref.sealedId, { status: 'missing' }]))
    const tenantOf = new Map(refs.map((ref) => [ref.sealedId, ref.tenantId]))
    for (const row of read) {
      if (tenantOf.get(row.sealed_id) !== row.tenant_id || !ofTenant.has(row.tenant_id)) continue
      const item = { tenantId: row.tenant_id, streamId: row.stream_id, sealedId: row.sealed_id, purpose: row.purpose }
      const wrapping = ofTenant.get(row.tenant_id)?.wrapping
      if (row.wrapped === null || wrapping === undefined) {
        cache.delete(nameOf(item))
        opened.set(row.sealed_id, { status: 'erased' })
        continue
      }
      const cached = cache.get(nameOf(item))
      const key =
        cached?.keyId === row.key_id
          ? cached.key
          : createSecretKey(unwrapKey(wrapping, row.wrapped, intentContext(item, row.key_id)))
      cache.set(nameOf(item), { keyId: row.key_id, key })
      const plaintext = decrypt({ key, nonce: row.nonce, context: payloadContext(item, row.key_id) }, row.ciphertext)
      opened.set(row.sealed_id, { status: 'open', purpose: row.purpose, streamId: row.stream_id, plaintext })
    }
    return opened
  }

  return {
    /**
     * Encrypts payloads, before the transaction that writes them. Streams in `newStreams` have no key yet for sure
     * (their ids were just made), so none is looked for.
     */
    async sealBatch(
      items: readonly PayloadToSeal[],
      { newStreams = [] }: { readonly newStreams?: readonly StreamOfTenant[] } = {},
    ): Promise<SealedBatch> {
      for (const { plaintext } of items) {
        if (plaintext.length > maxSealedBytes) throw new RangeError('a sealed payload has at most 256 KiB')
      }
      const { found, newKeys } = await keysOfIntents(items, new Set(newStreams.map(nameOf)))
      const rows = items.map(({ plaintext, ...item }) => {
        const intentKey = found.get(nameOf(item))
        if (intentKey === undefined) throw new Error('an intent has no key')
        const nonce = newNonce()
        const context = payloadContext(item, intentKey.keyId)
        const ciphertext = encrypt({ key: intentKey.key, nonce, context }, plaintext)
        return { ...item, keyId: intentKey.keyId, nonce, ciphertext }
      })
      return { rows, newKeys }
    },

    /**
     * Writes sealed payloads and new keys, after the append of their transaction. Throws `StaleKey` when a key was
     * made or destroyed by somebody else meanwhile: seal again and start over.
     */
    async writeSealed(tx: Transaction, batch: SealedBatch): Promise<void> {
      const [isWritten] = await insertSealed(tx, [batch])
      if (isWritten !== true) {
        for (const row of batch.rows) cache.delete(nameOf(row))
        throw new StaleKey()
      }
    },

    /** Opens payloads by id. A payload whose key was destroyed is erased, at once and for every process. */
    async openBatch(refs: readonly SealedRef[]): Promise<Map<string, OpenedPayload>> {
      if (refs.length === 0) return new Map()
      const tenantIds = refs.map(({ tenantId }) => tenantId)
      return this.open(await withTenants(pool, tenantIds, (tx) => this.read(tx, refs)))
    },

    /** Reads payloads in a transaction that names their tenants, to be opened after it: opening may need another connection. */
    async read(tx: Transaction, refs: readonly SealedRef[]): Promise<ReadPayloads> {
      const rows = await selectSealed(
        tx,
        refs.map(({ sealedId }) => sealedId),
      )
      return { refs, rows: rows.flatMap((row) => row ?? []) }
    },

    /** Opens what was read. */
    async open(read: ReadPayloads): Promise<Map<string, OpenedPayload>> {
      return (await this.opener(read.rows.map((row) => row.tenant_id)))(read)
    },

    /**
     * What opens payloads of these tenants within a transaction, in memory: their keys are fetched now, before it. Payloads of
     * other tenants are missing to it.
     */
    async opener(tenantIds: readonly string[]): Promise<(read: ReadPayloads) => Map<string, OpenedPayload>> {
      const ofTenant = await keysOfTenants(tenantIds)
      return ({ refs, rows }) => openWith(ofTenant, refs, rows)
    },
    /** HMAC keys for the request fingerprints of tenants. */
    async fingerprintKeys(tenantIds: Iterable<string>): Promise<Map<string, Uint8Array>> {
      const keys = await keysOfTenants(tenantIds)
      return new Map([...keys].map(([tenantId, { fingerprint }]) => [tenantId, fingerprint]))
    },

    /**
     * Destroys the keys of intents, as an effect of the erasure's event: what they sealed is unreadable from the
     * commit on, and sealing with a key that another process kept fails with `StaleKey`.
     */
    async destroyKeys(tx: Transaction, streams: readonly StreamOfTenant[]): Promise<void> {
      for (const stream of streams) cache.delete(nameOf(stream))
      await tx.query('delete from countersign.intent_key where stream_id = any ($1::uuid[])', [
        streams.map((stream) => stream.streamId),
      ])
    },
  }
}

/** Where a sealed payload is. */
export type SealedRef = { readonly tenantId: string; readonly sealedId: string }

/** Payloads as they are stored, still sealed. */
export type ReadPayloads = { readonly refs: readonly SealedRef[]; readonly rows: readonly SealedRow[] }

/** A sealed payload's key is no longer the intent's. */
export class StaleKey extends Error {
  constructor() {
    super("the intent's key has changed")
    this.name = 'StaleKey'
  }
}
