import { refuse, type PublishIntentBody, type Refusal } from '@countersign/contracts'
import { maxSealedBytes } from '@countersign/event-store'
import { isBound, looksLikeBound } from '@countersign/intent'
import { canonicalJson, identifierProblem, jsonPointer } from '@countersign/redaction'
import { sealedBytes, sealedContent } from './sealed-content.ts'

/** Largest canonical form of parameters and of log excerpts, in bytes. */
export const largestParameters = 32_768
export const largestLogs = 131_072
/** Largest body of a request to publish, in bytes. */
export const largestIntent = 262_144

/** Whether an ISO time exists: the calendar has no 30 February, though a parser may roll it over. */
const exists = (time: string): boolean => {
  const parsed = new Date(time)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(time.slice(0, 19))
}

const clearFields = (body: PublishIntentBody): [pointer: string, text: string | undefined][] => [
  ['/action', body.action],
  ['/target', body.target],
  ['/environment', body.environment],
  ['/agent/name', body.agent.name],
  ['/agent/session', body.agent.session],
  ['/executor/clientId', body.executor?.clientId],
  ['/onBehalfOf/issuer', body.onBehalfOf?.issuer],
  ['/onBehalfOf/subject', body.onBehalfOf?.subject],
  ['/agent/model/name', body.agent.model?.name],
  ['/agent/model/version', body.agent.model?.version],
  ...(body.impact?.dataClasses ?? []).map((name, index): [string, string] => [`/impact/dataClasses/${index}`, name]),
]

/**
 * What the schema cannot say of an intent: clear fields hold no secret and nothing invisible, times exist, sealed parts are
 * bounded. Deadlines are judged by the core against the database's clock.
 */
export const checkIntent = (body: PublishIntentBody): Refusal | undefined => {
  for (const [pointer, text] of clearFields(body)) {
    const problem = text === undefined ? undefined : identifierProblem(text)
    if (problem === 'secret_in_field') return refuse('secret_in_field', { pointer })
    if (problem === 'field_not_printable') return refuse('hidden_text', { pointer })
    if (problem !== undefined) return refuse('invalid_request', { pointer })
  }
  // One that is ill written would be compared as text, and nothing that is observed could ever equal it.
  const illWritten = Object.entries(body.preconditions ?? {}).find(
    ([, approved]) => looksLikeBound(approved) && !isBound(approved),
  )
  if (illWritten !== undefined)
    return refuse('invalid_request', { pointer: `/preconditions${jsonPointer([illWritten[0]])}` })
  if (body.deadline !== undefined && !exists(body.deadline)) return refuse('time_invalid', { pointer: '/deadline' })
  if (body.occurredAt !== undefined && !exists(body.occurredAt))
    return refuse('time_invalid', { pointer: '/occurredAt' })
  if (Buffer.byteLength(canonicalJson(body.parameters)) > largestParameters)
    return refuse('body_too_large', { pointer: '/parameters' })
  const logs = body.logs?.reduce((bytes, line) => bytes + Buffer.byteLength(line), 0) ?? 0
  if (logs > largestLogs) return refuse('body_too_large', { pointer: '/logs' })
  // Escapes make JSON up to six times longer than the text, so each part may fit and all of it not.
  if (sealedBytes(sealedContent(body)).length > maxSealedBytes) return refuse('body_too_large')
  return undefined
}

const keyPattern = /^[\x21-\x7e]{1,255}$/

/** The Idempotency-Key of a request: 1 to 255 visible ASCII characters. */
export const idempotencyKeyOf = (header: string | readonly string[] | undefined): string | Refusal => {
  if (header === undefined) return refuse('idempotency_key_missing')
  if (typeof header !== 'string' || !keyPattern.test(header)) return refuse('idempotency_key_invalid')
  return header
}
