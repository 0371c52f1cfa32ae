import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEdgeServer } from '@countersign/service-kit'

export type Listening = { readonly port: number; readonly close: () => Promise<void> }

/** A port that others hold is skipped, at most so often. */
const attempts = 20

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })

/**
 * Listens on loopback on `port`, or on the next one that is free; `taken` is told of each that was not. Throws when none of
 * the next 20 is free.
 */
export const listenFrom = async (
  port: number,
  serve: RequestListener,
  taken: (port: number) => void,
): Promise<Listening> => {
  for (let candidate = port; candidate < port + attempts; candidate++) {
    const server = createEdgeServer(serve)
    try {
      const got = await listen(server, candidate)
      return {
        port: got,
        close: () =>
          new Promise((resolve) => {
            server.close(() => resolve())
            server.closeIdleConnections()
          }),
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      taken(candidate)
    }
  }
  throw new Error(`none of the ports ${port} to ${port + attempts - 1} is free on 127.0.0.1; choose one with --port`)
}
