import {
  decodeEntryBundle,
  leafHash,
  parseVerifierKey,
  tilePath,
  tileWidth,
  TILE_WIDTH,
  verifyTlogProof,
} from '@countersign/merkle-log'
import { callOver } from './call.ts'
import type { Credential, Outcome, Proven } from './gate.ts'
import type { Send } from './send.ts'

type Logs = { readonly logs: readonly { readonly log: string; readonly vkey: string }[] }
type EventProof = { readonly index: number; readonly size: number; readonly proof: string }

/** Takes the proof and the entry of an event from the ledger and verifies here, from their bytes, that the one is of the other. */
export const proveInLedger = async (send: Send, as: Credential, eventId: string): Promise<Outcome<Proven>> => {
  const call = callOver(send)
  const listed = await call<Logs>({ method: 'GET', path: '/v1/ledger/logs', as })
  if (!listed.accepted) return listed
  const [own] = listed.value.logs
  const key = own === undefined ? undefined : parseVerifierKey(own.vkey)
  if (own === undefined || key === undefined || !key.ok) return { accepted: false, code: 'no_log', text: listed.text }
  const path = `/v1/ledger/${own.log}`
  const answered = await call<EventProof>({ method: 'GET', path: `${path}/events/${eventId}/proof`, as })
  if (!answered.accepted) return answered
  const { index, size, proof } = answered.value
  const tile = Math.floor(index / TILE_WIDTH)
  const bundle = tilePath({ level: 'entries', index: tile, width: tileWidth(0, tile, size) })
  const { status, bytes } = await send({ method: 'GET', path: `${path}/${bundle}`, as })
  const entry = status < 300 ? decodeEntryBundle(bytes)?.[index % TILE_WIDTH] : undefined
  if (entry === undefined) return { accepted: false, code: 'no_entry', text: '' }
  const log = { origin: key.verifier.name, verifiers: [key.verifier] }
  const verifies = (leaf: Uint8Array): boolean => verifyTlogProof(proof, leafHash(leaf), log).ok
  const text = Buffer.from(entry).toString('utf8')
  const forged = Buffer.from(
    text.replace(
      eventId,
      eventId.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
    ),
  )
  return {
    accepted: true,
    value: { holds: verifies(entry) && idOf(text) === eventId, holdsForged: verifies(forged) },
    text: answered.text,
  }
}

const idOf = (entry: string): string | undefined => {
  try {
    return (JSON.parse(entry) as { id?: string }).id
  } catch {
    return undefined
  }
}
