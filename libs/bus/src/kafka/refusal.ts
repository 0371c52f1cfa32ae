import kafkajs from 'kafkajs'

/** What a broker refuses however often it is asked. */
export type KafkaRefusalCode =
  | 'topic_forbidden'
  | 'topic_missing'
  | 'group_forbidden'
  | 'record_too_large'
  | 'credentials_refused'
  | 'listener_mismatch'

/** A refusal of the broker in our words; `cause` is the client's error. */
export class KafkaRefusal extends Error {
  override readonly name = 'KafkaRefusal'
  readonly code: KafkaRefusalCode

  constructor(code: KafkaRefusalCode, message: string, cause: unknown) {
    super(message, { cause })
    this.code = code
  }
}

interface ClientError {
  readonly name?: string
  readonly type?: string
  readonly message?: string
  readonly cause?: unknown
}

/** An error with its causes and, of an aggregate, its parts. */
const chainOf = (error: unknown): readonly ClientError[] => {
  const chain: ClientError[] = []
  for (let each = error; typeof each === 'object' && each !== null && chain.length < 8; ) {
    chain.push(each as ClientError)
    each = (each as ClientError).cause
  }
  return chain
}

/** Whether the error, or what caused it, is of the broker's type (`TOPIC_AUTHORIZATION_FAILED`…). */
export const isOfType = (error: unknown, ...types: readonly string[]): boolean =>
  chainOf(error).some(({ type }) => type !== undefined && types.includes(type))

/** Whether the error, or what caused it, is one of the client's classes. */
export const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  chainOf(error).some(({ name }) => name !== undefined && names.includes(name))

/** The broker's refusal behind an error of the client, or the error itself when it is none. */
export const explain = (error: unknown, { topic, group }: { topic?: string; group?: string }): unknown => {
  if (error instanceof KafkaRefusal) return error
  if (isOfType(error, 'TOPIC_AUTHORIZATION_FAILED')) {
    return new KafkaRefusal('topic_forbidden', `this principal may not use topic ${topic ?? '(several)'}`, error)
  }
  if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) {
    return new KafkaRefusal('topic_missing', `there is no topic ${topic ?? '(several)'}`, error)
  }
  if (isOfType(error, 'GROUP_AUTHORIZATION_FAILED') || isNamed(error, 'KafkaJSGroupCoordinatorNotFound')) {
    return new KafkaRefusal('group_forbidden', `this principal may not use group ${group ?? ''}`, error)
  }
  if (isOfType(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) {
    return new KafkaRefusal('record_too_large', `the record is larger than topic ${topic ?? ''} takes`, error)
  }
  if (isNamed(error, 'KafkaJSSASLAuthenticationError')) {
    return new KafkaRefusal('credentials_refused', 'the broker refused name and password', error)
  }
  if (chainOf(error).some(({ message }) => message?.includes('Closed connection') === true)) {
    const message = 'the broker closes the connection: name and password are missing, or the listener wants TLS'
    return new KafkaRefusal('listener_mismatch', message, error)
  }
  return error
}

/** Whether the error says only that no broker answered: the same may succeed later. A refusal stays one. */
export const isBusOutage = (error: unknown): boolean =>
  !(error instanceof KafkaRefusal) &&
  isNamed(
    error,
    'KafkaJSConnectionError',
    'KafkaJSConnectionClosedError',
    'KafkaJSRequestTimeoutError',
    'KafkaJSBrokerNotFound',
  )

/** kafkajs ends a consumer for good on a TypeError and its like, so nothing but its own errors is thrown into it. */
export const asClientError = (error: unknown): Error =>
  error instanceof kafkajs.KafkaJSError ? error : new kafkajs.KafkaJSError('a heartbeat failed', { retriable: true })
