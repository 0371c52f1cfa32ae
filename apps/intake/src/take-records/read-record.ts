import { createHash } from 'node:crypto'
import type { DeliveredRecord } from '@countersign/bus'
import { ExecutionMessage, IntentMessage, RequestId, type Refusal } from '@countersign/contracts'
import { identifierProblem } from '@countersign/redaction'
import { checkedBy, Refused, readJsonBody } from '@countersign/service-kit'
import type { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { checkIntent, largestIntent } from '../publish-intent/check-intent.ts'
import type { TakenRecord } from '../record-refusal/taken-record.ts'

/** Why a record is not taken: a code and the field, never its value. */
export type RecordRefusal = { readonly code: string; readonly pointer?: string | undefined }

/**
 * What a record holds. `unreadable` is not one JSON object that every reader would read the same, so nothing in it can be
 * trusted to say what it is about; `refused` can be read, and asks for something that is not taken.
 */
export type ReadRecord<Message> =
  | {
      readonly kind: 'message'
      readonly record: TakenRecord & { readonly requestId: string }
      readonly message: Message
    }
  | { readonly kind: 'refused'; readonly record: TakenRecord; readonly refusal: RecordRefusal }
  | { readonly kind: 'unreadable'; readonly record: TakenRecord; readonly refusal: RecordRefusal }

export type IntentMessage = Type.Static<typeof IntentMessage>
export type ExecutionMessage = Type.Static<typeof ExecutionMessage>

const contentType = /^application\/cloudevents\+json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** The bounds of an intent over HTTP, and room for the envelope around it. */
const limits = { bodyBytes: largestIntent + 4_096, depth: 33, keys: 1_010, arrayLength: 10_000 }

const isRequestId = Compile(RequestId)

const digestOf = (value: Uint8Array | null): string | null =>
  value === null ? null : `sha256:${createHash('sha256').update(value).digest('hex')}`

/** Where a field stands in the content, as over HTTP; fields of the envelope stay what they are. */
const pointerIn = (pointer: string | undefined): string | undefined => pointer?.replace(/^\/data(?=\/)/, '')

/** Why an id may not be repeated in events and answers. */
const idProblem = (id: unknown): RecordRefusal | undefined => {
  if (typeof id !== 'string' || !isRequestId.Check(id)) return { code: 'invalid_request', pointer: '/id' }
  const problem = identifierProblem(id, { max: 255 })
  if (problem === undefined) return undefined
  const code = { secret_in_field: 'secret_in_field', field_not_printable: 'hidden_text' }[problem as string]
  return { code: code ?? 'invalid_request', pointer: '/id' }
}

type Kind<Message> = {
  readonly type: string
  readonly check: (value: unknown) => Message
  /** What the schema cannot say. */
  readonly problem: (message: Message, record: DeliveredRecord) => RecordRefusal | Refusal | undefined
}

const reader =
  <Message>({ type, check, problem }: Kind<Message>) =>
  (delivered: DeliveredRecord): ReadRecord<Message> => {
    const { topic, position, value, headers } = delivered
    const record: TakenRecord = { topic, position, digest: digestOf(value) }
    const unreadable = (refusal: RecordRefusal) => ({ kind: 'unreadable' as const, record, refusal })
    if (value === null || value.length === 0) return unreadable({ code: 'no_value' })
    if (!contentType.test(headers['content-type']?.trim() ?? '')) return unreadable({ code: 'unsupported_media_type' })
    const read = readJsonBody(Buffer.from(value.buffer, value.byteOffset, value.length), limits)
    if ('refused' in read) return unreadable({ ...read.refused, pointer: pointerIn(read.refused.pointer) })

    const envelope = read.value as { readonly id?: unknown; readonly type?: unknown }
    const wrongId = idProblem(envelope.id)
    if (wrongId !== undefined) return { kind: 'refused', record, refusal: wrongId }
    const named = { ...record, requestId: envelope.id as string }
    const refused = ({ code, pointer }: RecordRefusal) => ({
      kind: 'refused' as const,
      record: named,
      refusal: { code, pointer: pointerIn(pointer) },
    })
    if (envelope.type !== type) return refused({ code: 'wrong_event_type', pointer: '/type' })
    try {
      const message = check(read.value)
      const wrong = problem(message, delivered)
      return wrong === undefined ? { kind: 'message', record: named, message } : refused(wrong)
    } catch (error) {
      if (error instanceof Refused) return refused(error.source)
      throw error
    }
  }

/** An intent out of a record of an intents topic: every check that needs no register, the same as over HTTP. */
export const readIntentRecord = reader<IntentMessage>({
  type: 'dev.countersign.ActionIntent.v1',
  check: checkedBy(IntentMessage),
  problem: ({ data }) => checkIntent(data),
})

/** A report out of a record of an executions topic. Its key orders it, so the key has to be the intent it is about. */
export const readReportRecord = reader<ExecutionMessage>({
  type: 'dev.countersign.ExecutionReport.v1',
  check: checkedBy(ExecutionMessage),
  problem: ({ subject }, { key }) => (key === subject ? undefined : { code: 'wrong_subject', pointer: '/subject' }),
})
