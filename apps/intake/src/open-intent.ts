import type { SealedIntent } from '@countersign/contracts'
import { type Keyring, type Loaded, loadStreams, type StreamRef, withTenants } from '@countersign/event-store'
import { foldIntent, isPublished, type Intent } from '@countersign/intent'
import type pg from 'pg'

/** An intent with what it sealed. Only for comparing and for the executor; nothing of it goes into events or logs. */
export type OpenedIntent = { readonly intent: Intent; readonly content: SealedIntent }

/**
 * Loads an intent and opens its sealed part, before the transaction that decides: what is sealed never changes. Undefined
 * when there is no such intent in the tenant; `erased` when its key was destroyed.
 */
export const openIntent = async (
  { pool, keyring }: { pool: pg.Pool; keyring: Keyring },
  ref: StreamRef,
): Promise<OpenedIntent | 'erased' | undefined> => {
  const { tenantId } = ref
  const read = await withTenants(pool, [tenantId], async (tx) => {
    const intent = foldIntent((await loadStreams(tx, [ref])).of(ref).events)
    if (!isPublished(intent)) return undefined
    const { sealedId } = intent.published.payload
    return { intent, sealedId, sealed: await keyring.read(tx, [{ tenantId, sealedId }]) }
  })
  if (read === undefined) return undefined
  const { intent, sealedId, sealed } = read
  const opened = (await keyring.open(sealed)).get(sealedId)
  if (opened?.status !== 'open') return 'erased'
  return { intent, content: JSON.parse(opened.plaintext.toString('utf8')) as SealedIntent }
}

/**
 * Whether an intent was published before the store was adopted. Both are read under the stream's lock, and an incarnation is
 * only opened when no stream is held.
 */
export const isOutdated = (loaded: Loaded, ref: StreamRef): boolean =>
  loaded.of(ref).events.some(({ incarnation }) => incarnation < loaded.incarnation)
