import { createServer } from 'node:net'

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })

/** Ports that were given out and may not be listened on yet. */
const given = new Map<number, number>()

/**
 * The first free port of 127.0.0.1 from there on, the same for the same `first` while it is free. Should another process
 * take it before the service does, the service ends and is started on the next.
 */
export const freePortFrom = async (first: number): Promise<number> => {
  for (let port = first; ; port += 1) {
    const owner = given.get(port)
    if (owner !== undefined && owner !== first) continue
    given.set(port, first)
    if (await isFree(port)) return port
    given.delete(port)
  }
}
