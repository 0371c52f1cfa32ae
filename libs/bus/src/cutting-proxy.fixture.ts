import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { OpenSocket } from './kafka/client.ts'

/** API key of Produce in a Kafka request's header. */
const produce = 0

export interface CuttingProxy {
  /** Goes through the proxy, whatever address the broker advertises. */
  readonly openSocket: OpenSocket
  /** Answers that were lost. */
  readonly lost: number
  /** The next Produce request reaches the broker, then its connection is cut before the answer. */
  loseNextProduceAnswer(): void
  close(): Promise<void>
}

/** Whether a chunk begins with a Produce request: length (4 bytes), API key (2), version (2)… */
const isProduce = (chunk: Buffer): boolean => chunk.length > 6 && chunk.readInt16BE(4) === produce

/** A TCP proxy before a broker that can lose an acknowledgement at will. */
export const cuttingProxy = async (port: number): Promise<CuttingProxy> => {
  let isArmed = false
  let lost = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port })
    let isCut = false
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        broker.destroy()
      })
    }
    client.on('data', (chunk: Buffer) => {
      if (isArmed && isProduce(chunk)) {
        isArmed = false
        isCut = true
      }
      broker.write(chunk)
    })
    broker.on('data', (chunk: Buffer) => {
      if (isCut) {
        lost += 1
        client.destroy()
      } else {
        client.write(chunk)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const own = typeof address === 'object' && address !== null ? address.port : 0
  return {
    openSocket: ({ onConnect }) => connect({ host: '127.0.0.1', port: own }, onConnect),
    get lost() {
      return lost
    },
    loseNextProduceAnswer: () => {
      isArmed = true
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
