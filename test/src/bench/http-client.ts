import { Agent, request } from 'node:http'

export type Reply<Body> = { readonly status: number; readonly body: Body }

/** A lean HTTP client with connections that stay open, so that the bench measures the product and little of itself. */
export const httpClient = (baseUrl: string, sockets: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets })
  const { hostname, port } = new URL(baseUrl)
  const send = <Body>(
    path: string,
    { token, body, key }: { token: string; body?: unknown; key?: string },
  ): Promise<Reply<Body>> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      const outgoing = request(
        {
          agent,
          hostname,
          port,
          path,
          method: payload === undefined ? 'GET' : 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length }),
            ...(key === undefined ? {} : { 'idempotency-key': key }),
          },
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({ status: incoming.statusCode ?? 0, body: (text === '' ? {} : JSON.parse(text)) as Body })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(payload)
    })
  return { send, close: () => agent.destroy() }
}

export type HttpClient = ReturnType<typeof httpClient>
