import * as net from 'node:net'
import * as tls from 'node:tls'
import kafkajs, {
  type Consumer,
  type ISocketFactory,
  type Kafka,
  type KafkaConfig,
  type logCreator,
  type RetryOptions,
} from 'kafkajs'
import type { ConsumerTiming } from './timing.ts'
import { lookAgainForCoordinators } from './coordinator-patch.ts'
import { readFetchesSafely } from './fetch/fetch-patch.ts'
import { leaveJoined, noteJoins, whenJoining } from './join-patch.ts'
import { writeProducesQuickly } from './produce/produce-patch.ts'
import { stopIdleSpin } from './spin-patch.ts'

/** Opens a connection to a broker; `ssl` is undefined for plaintext. */
export type OpenSocket = (address: {
  readonly host: string
  readonly port: number
  readonly ssl: tls.ConnectionOptions | undefined
  readonly onConnect: () => void
}) => net.Socket

export interface KafkaAccess {
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Trust and, for mTLS, certificate and key. Absent: plaintext. */
  readonly ssl?: tls.ConnectionOptions
  readonly sasl?: KafkaConfig['sasl']
  /** Takes warnings of the Kafka client, a line each, without contents of records. */
  readonly log: (line: string) => void
  /** How sockets are made. Default: plain or TLS, without Nagle's delay. */
  readonly openSocket?: OpenSocket
}

/**
 * An outage shorter than about a minute is ridden out: consumers keep their membership and sends their place. With the
 * client's defaults (5 tries) a longer one makes the consumer rejoin and wait for its own former session. Always given
 * explicitly, for kafkajs takes other defaults when NODE_ENV is `test`.
 */
export const patientRetry: RetryOptions = { retries: 60, initialRetryTime: 200, maxRetryTime: 1_000 }

/** For questions whose answer may be that something is missing: they end soon. */
export const promptRetry: RetryOptions = { retries: 3, initialRetryTime: 100, maxRetryTime: 500 }

/** A short one would multiply duplicates: each timed-out try is already in the socket. */
const requestTimeoutMs = 30_000

export const openSocket: OpenSocket = ({ host, port, ssl, onConnect }) =>
  ssl === undefined
    ? net.connect({ host, port }, onConnect)
    : tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)

const socketFactory =
  (open: OpenSocket): ISocketFactory =>
  ({ host, port, ssl, onConnect }) => {
    // For plaintext kafkajs gives null, whatever its type says.
    const socket = open({ host, port, ssl: (ssl as tls.ConnectionOptions | null) || undefined, onConnect })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    return socket
  }

/** Namespace and message only: the further fields of an entry can hold what a record held. */
const forward =
  (log: (line: string) => void): logCreator =>
  () =>
  ({ namespace, log: { message } }) =>
    log(`kafka ${namespace}: ${message}`)

/** A client; `isClosing` keeps its consumers from coming back to life while they are being closed. */
export const makeClient = (
  access: KafkaAccess,
  isClosing: () => boolean,
  sockets: ISocketFactory = socketFactory(access.openSocket ?? openSocket),
): Kafka => {
  stopIdleSpin()
  noteJoins()
  lookAgainForCoordinators()
  readFetchesSafely()
  writeProducesQuickly()
  return new kafkajs.Kafka({
    clientId: access.clientId,
    brokers: [...access.brokers],
    ...(access.ssl === undefined ? {} : { ssl: access.ssl }),
    ...(access.sasl === undefined ? {} : { sasl: access.sasl }),
    connectionTimeout: 3_000,
    requestTimeout: requestTimeoutMs,
    retry: { ...patientRetry, restartOnFailure: async () => !isClosing() },
    socketFactory: sockets,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: forward(access.log),
  })
}

/** A client whose connections can be taken away. */
export interface SeverableClient {
  readonly kafka: Kafka
  /** Tells of each join that its consumer has sent, before the group answers. */
  onJoin(tell: () => void): void
  /** Leaves the group that its consumer joins, though the group has not answered yet; nothing where it knows of no member. */
  leaveJoined(): Promise<void>
  /** Closes what is open and opens nothing more. */
  sever(): void
}

/**
 * A client for one consumer. `disconnect` of a kafkajs consumer that is about to restart or still joins does nothing to
 * it: it comes back to its group, and keeps partitions that nobody handles. Without connections it cannot.
 */
export const makeSeverableClient = (access: KafkaAccess, isClosing: () => boolean): SeverableClient => {
  const sockets = new Set<net.Socket>()
  const open = access.openSocket ?? openSocket
  let isSevered = false
  const factory = socketFactory((address) => {
    if (isSevered) throw new Error('the consumer has left')
    const socket = open(address)
    sockets.add(socket)
    return socket.once('close', () => sockets.delete(socket))
  })
  // What is said of connections that were taken away is no news.
  const log = (line: string): void => (isSevered ? undefined : access.log(line))
  const kafka = makeClient({ ...access, log }, isClosing, factory)
  const sever = (): void => {
    isSevered = true
    // With an error, so that what waits for an answer ends at once and not when its time is over.
    for (const socket of sockets) socket.destroy(new Error('the consumer has left'))
  }
  return { kafka, onJoin: (tell) => whenJoining(factory, tell), leaveJoined: () => leaveJoined(factory), sever }
}

/** A member of a group, not connected yet. */
export const makeConsumer = (client: Kafka, group: string, timing: ConsumerTiming): Consumer =>
  client.consumer({
    groupId: group,
    sessionTimeout: timing.sessionMs,
    heartbeatInterval: timing.heartbeatMs,
    rebalanceTimeout: timing.rebalanceMs,
    maxWaitTimeInMs: timing.maxWaitMs,
    maxBytesPerPartition: 4 << 20,
  })
