import { prepared } from './prepared.ts'
import type pg from 'pg'
import { type DeploymentKey, decrypt, encrypt, newKey, newNonce, unwrapKey, wrapKey } from './deployment-key.ts'
import { KeyCache } from './key-cache.ts'
import { newId } from './stream.ts'
import { tenantKeys } from './tenant-keys.ts'
import { type Transaction, withTenants } from './transaction.ts'

/** Largest payload that can be sealed, in bytes. */
export const maxSealedBytes = 256 * 1024

export type StreamOfTenant = { readonly tenantId: string; readonly streamId: string }

/** A payload to seal for an intent. `purpose` is snake_case and tells what it is: parameters, rationale, logs. */
export type PayloadToSeal = StreamOfTenant & {
  readonly sealedId: string
  readonly purpose: string
  readonly plaintext: Uint8Array
}

/** Encrypted payloads that still have to be written. */
export type SealedBatch = {
  readonly rows: readonly (Omit<PayloadToSeal, 'plaintext'> & {
    readonly keyId: string
    readonly nonce: Buffer
    readonly ciphertext: Buffer
  })[]
  readonly newKeys: readonly (StreamOfTenant & { readonly keyId: string; readonly wrapped: Buffer })[]
}

export type OpenedPayload =
  | { readonly status: 'open'; readonly purpose: string; readonly streamId: string; readonly plaintext: Buffer }
  /** The key was destroyed: an erasure. */
  | { readonly status: 'erased' }
  | { readonly status: 'missing' }

export type Keyring = ReturnType<typeof keyring>

type IntentKey = { readonly keyId: string; readonly key: Buffer }
type SealedRow = {
  sealed_id: string
  tenant_id: string
  stream_id: string
  purpose: string
  key_id: string
  nonce: Buffer
  ciphertext: Buffer
  wrapped: Buffer | null
}

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
        const key = { keyId: row.keyId, key: unwrapKey(wrapping, row.wrapped, intentContext(row, row.keyId)) }
        found.set(nameOf(row), key)
        cache.set(nameOf(row), key)
      }
    }
    for (const [name, stream] of wanted) {
      const wrapping = ofTenant.get(stream.tenantId)?.wrapping
      if (found.has(name) || wrapping === undefined) continue
      const fresh = { keyId: newId(), key: newKey() }
      found.set(name, fresh)
      const wrapped = wrapKey(wrapping, fresh.key, intentContext(stream, fresh.keyId))
      newKeys.push({ tenantId: stream.tenantId, streamId: stream.streamId, keyId: fresh.keyId, wrapped })
    }
    return { found, newKeys }
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
      if (!(await insertSealed(tx, batch))) {
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
      return { refs, rows }
    },

    /** Opens what was read. */
    async open({ refs, rows: read }: ReadPayloads): Promise<Map<string, OpenedPayload>> {
      const opened = new Map<string, OpenedPayload>(refs.map((ref) => [ref.sealedId, { status: 'missing' }]))
      const tenantOf = new Map(refs.map((ref) => [ref.sealedId, ref.tenantId]))
      const rows = read.filter((row) => tenantOf.get(row.sealed_id) === row.tenant_id)
      const ofTenant = await keysOfTenants(rows.map((row) => row.tenant_id))
      for (const row of rows) {
        const item = { tenantId: row.tenant_id, streamId: row.stream_id, sealedId: row.sealed_id, purpose: row.purpose }
        const wrapping = ofTenant.get(row.tenant_id)?.wrapping
        if (row.wrapped === null || wrapping === undefined) {
          cache.delete(nameOf(item))
          opened.set(row.sealed_id, { status: 'erased' })
          continue
        }
        const cached = cache.get(nameOf(item))
        const key =
          cached?.keyId === row.key_id ? cached.key : unwrapKey(wrapping, row.wrapped, intentContext(item, row.key_id))
        cache.set(nameOf(item), { keyId: row.key_id, key })
        const plaintext = decrypt({ key, nonce: row.nonce, context: payloadContext(item, row.key_id) }, row.ciphertext)
        opened.set(row.sealed_id, { status: 'open', purpose: row.purpose, streamId: row.stream_id, plaintext })
      }
      return opened
    },

    /** HMAC keys for the request fingerprints of tenants. */
    async fingerprintKeys(tenantIds: Iterable<string>): Promise<Map<string, Buffer>> {
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

async function readIntentKeys(pool: pg.Pool, streams: readonly StreamOfTenant[]) {
  return withTenants(
    pool,
    streams.map((stream) => stream.tenantId),
    async (tx) => {
      const { rows } = await tx.query<{ tenant_id: string; stream_id: string; key_id: string; wrapped: Buffer }>(
        'select tenant_id, stream_id, key_id, wrapped from countersign.intent_key where stream_id = any ($1::uuid[])',
        [streams.map((stream) => stream.streamId)],
      )
      return rows.map((row) => ({
        tenantId: row.tenant_id,
        streamId: row.stream_id,
        keyId: row.key_id,
        wrapped: row.wrapped,
      }))
    },
  )
}

async function selectSealed(tx: Transaction, sealedIds: readonly string[]): Promise<SealedRow[]> {
  const { rows } = await tx.query<SealedRow>(
    prepared(
      `select s.sealed_id, s.tenant_id, s.stream_id, s.purpose, s.key_id, s.nonce, s.ciphertext, k.wrapped
     from countersign.sealed s
     left join countersign.intent_key k on k.stream_id = s.stream_id and k.key_id = s.key_id
     where s.sealed_id = any ($1::uuid[])`,
      [sealedIds],
    ),
  )
  return rows
}

// False when a key is not, or no longer, the one that the payloads were sealed with.
async function insertSealed(tx: Transaction, { rows, newKeys }: SealedBatch): Promise<boolean> {
  if (newKeys.length > 0) {
    const made = await tx.query(
      prepared(
        `insert into countersign.intent_key (tenant_id, stream_id, key_id, wrapped)
       select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[]) on conflict do nothing`,
        [
          newKeys.map((key) => key.tenantId),
          newKeys.map((key) => key.streamId),
          newKeys.map((key) => key.keyId),
          newKeys.map((key) => key.wrapped),
        ],
      ),
    )
    if (made.rowCount !== newKeys.length) return false
  }
  if (rows.length === 0) return true
  const written = await tx.query(
    prepared(
      `insert into countersign.sealed (tenant_id, stream_id, sealed_id, purpose, key_id, nonce, ciphertext)
     select s.tenant_id, s.stream_id, s.sealed_id, s.purpose, s.key_id, s.nonce, s.ciphertext
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bytea[], $7::bytea[])
       as s(tenant_id, stream_id, sealed_id, purpose, key_id, nonce, ciphertext)
     join countersign.intent_key k on k.stream_id = s.stream_id and k.key_id = s.key_id`,
      [
        rows.map((row) => row.tenantId),
        rows.map((row) => row.streamId),
        rows.map((row) => row.sealedId),
        rows.map((row) => row.purpose),
        rows.map((row) => row.keyId),
        rows.map((row) => row.nonce),
        rows.map((row) => row.ciphertext),
      ],
    ),
  )
  return written.rowCount === rows.length
}
