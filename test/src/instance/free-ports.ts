import { createServer } from 'node:net'

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })

// Below the ports that systems hand out by themselves, so that nobody's outgoing connection takes one meanwhile.
const lowest = 12_000
const highest = 31_000

/** First of `count` neighbouring ports on 127.0.0.1 that nobody listens on. */
export const freePorts = async (count: number): Promise<number> => {
  for (;;) {
    const first = lowest + Math.floor(Math.random() * (highest - lowest))
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)))
    if (free.every(Boolean)) return first
  }
}
