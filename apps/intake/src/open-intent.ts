import type { SealedIntent } from '@countersign/contracts'
import type { Keyring, Loaded, StreamRef, Transaction } from '@countersign/event-store'
import type { Intent } from '@countersign/intent'

/**
 * What opens what an intent of the tenant sealed, within the transaction that decides; `erased` when its key was destroyed.
 * Only for comparing and for the executor: nothing of it goes into events or logs.
 */
export const intentOpener = async (
  keyring: Keyring,
  tenantId: string,
): Promise<(tx: Transaction, intent: Intent) => Promise<SealedIntent | 'erased'>> => {
  const open = await keyring.opener([tenantId])
  return async (tx, { published }) => {
    const { sealedId } = published.payload
    const opened = open(await keyring.read(tx, [{ tenantId, sealedId }])).get(sealedId)
    return opened?.status === 'open' ? (JSON.parse(opened.plaintext.toString('utf8')) as SealedIntent) : 'erased'
  }
}

/**
 * Whether an intent was published before the store was adopted. Both are read under the stream's lock, and an incarnation is
 * only opened when no stream is held.
 */
export const isOutdated = (loaded: Loaded, ref: StreamRef): boolean =>
  loaded.of(ref).events.some(({ incarnation }) => incarnation < loaded.incarnation)
