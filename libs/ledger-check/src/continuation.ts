import { type EventData, fitsEvent, wireTypeOf } from '@countersign/contracts'
import { type Checkpoint, leafHash, parseTlogProof, type TrustedLog, verifyTlogProof } from '@countersign/merkle-log'
import { eventInLeaf } from './leaf.ts'

/** That a log which lost entries goes on under another origin, as the entry of the log says that an operator made of it. */
export interface Continuation {
  readonly eventId: string
  readonly logId: string
  /** What the log is called from then on. */
  readonly origin: string
  /** The last checkpoint that was published under the former origin. */
  readonly former: Pick<Checkpoint, 'origin' | 'size' | 'root'>
  /** Entries from the beginning that are those of the former log. Of what was behind them, up to `former.size`, nothing is. */
  readonly keptSize: number
  /** What names the operator's act: the entry's place in the log. */
  readonly index: number
}

/** Whether an origin is of the same log as another one, from before or of now. */
export const isOriginFrom = (former: string, origin: string): boolean =>
  origin === former || origin.startsWith(`${former}/`)

/** The continuation that a leaf tells of; `undefined` when it is of another event. */
export const continuationIn = (leaf: Uint8Array, index: number): Continuation | undefined => {
  const event = eventInLeaf(leaf)
  if (event?.wireType !== wireTypeOf('LogContinued') || !fitsEvent('LogContinued', event.data)) return undefined
  const { log, origin, former, keptSize } = event.data as EventData<'LogContinued'>
  return {
    eventId: event.eventId,
    logId: log,
    origin,
    former: { ...former, root: Buffer.from(former.root, 'base64') },
    keptSize,
    index,
  }
}

/**
 * The continuation that an entry of the log tells of, checked without any network: signature, origin, inclusion. The log
 * may have gone on once more since, so the entry may be about an earlier origin of it. `undefined` when anything fails.
 */
export const provenContinuation = (
  { proof, leaf }: { readonly proof: string; readonly leaf: Uint8Array },
  log: TrustedLog,
): Continuation | undefined => {
  const checked = verifyTlogProof(proof, leafHash(leaf), log)
  const index = parseTlogProof(proof)?.index
  const continuation = checked.ok && index !== undefined ? continuationIn(leaf, index) : undefined
  return continuation !== undefined && isOriginFrom(continuation.origin, log.origin) ? continuation : undefined
}

/**
 * What became of a log of which somebody knows a former origin: of all times that it went on since, the one that kept the
 * least. `undefined` when none tells of that origin.
 */
export const fateOf = (formerOrigin: string, continuations: readonly Continuation[]): Continuation | undefined =>
  continuations
    .filter(({ former }) => isOriginFrom(formerOrigin, former.origin))
    .toSorted((a, b) => a.keptSize - b.keptSize)[0]
