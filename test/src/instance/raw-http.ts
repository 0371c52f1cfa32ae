import { connect, type Socket } from 'node:net'

export type RawAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export type RawExchange = {
  readonly answers: readonly RawAnswer[]
  /** Whether the other side ended the connection. */
  readonly closed: boolean
}

export type RawOptions = {
  /** Answers to wait for; the exchange also ends when the connection does. Default 1. */
  readonly answers?: number
  /** The exchange ends without them after this long. Default 15 s. */
  readonly withinMs?: number
  /** Waits for the end of the connection after the answers. */
  readonly untilClosed?: boolean
}

const headEnd = Buffer.from('\r\n\r\n')

/** The first whole answer in what arrived, with what follows it; undefined while it is not whole. */
const takeAnswer = (bytes: Buffer): { answer: RawAnswer; rest: Buffer } | undefined => {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const length = Number(headers['content-length'] ?? 0)
  const begin = end + headEnd.length
  if (bytes.length < begin + length) return undefined
  const text = bytes.subarray(begin, begin + length).toString('utf8')
  return { answer: { status: Number(first.split(' ')[1]), headers, text }, rest: bytes.subarray(begin + length) }
}

const write = async (socket: Socket, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const part of parts) {
    if (socket.destroyed) return
    // A connection that the other side ends while we still write is an outcome here, not a failure.
    if (!socket.write(part)) {
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve)
        socket.once('close', () => resolve())
      })
    }
  }
}

/** Sends bytes as they are on a connection of its own and reads the answers, without any HTTP client's opinion. */
export const rawExchange = (
  baseUrl: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { answers: wanted = 1, withinMs = 15_000, untilClosed = false }: RawOptions = {},
): Promise<RawExchange> => {
  const { hostname, port } = new URL(baseUrl)
  return new Promise((resolve) => {
    const answers: RawAnswer[] = []
    let received: Buffer = Buffer.alloc(0)
    let closed = false
    const socket = connect({ host: hostname, port: Number(port) })
    const finish = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ answers, closed })
    }
    const timer = setTimeout(finish, withinMs)
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      for (let taken = takeAnswer(received); taken !== undefined; taken = takeAnswer(received)) {
        answers.push(taken.answer)
        received = taken.rest
      }
      if (answers.length >= wanted && !untilClosed) finish()
    })
    socket.on('error', () => undefined)
    socket.on('end', () => {
      closed = true
      finish()
    })
    socket.on('close', () => {
      closed = true
      finish()
    })
    void write(socket, parts)
  })
}

export type RawRequest = {
  readonly method?: string
  readonly path: string
  /** Header lines as they are sent, in order; latin1. */
  readonly headers: readonly string[]
  readonly body?: Uint8Array | string
}

/** The bytes of one request. Nothing is added: no Host, no Content-Length. */
export const rawRequest = ({ method = 'POST', path, headers, body = '' }: RawRequest): Buffer =>
  Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1'),
    Buffer.from(body),
  ])
