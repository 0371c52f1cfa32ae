import type { RequestListener } from 'node:http'
import type { HealthReport } from '@countersign/service-kit'

/** What each service says of itself, by its name. */
export type Reports = Readonly<Record<string, HealthReport>>

const readyTimeoutMs = 3_000

/** What a service says of itself; one that does not answer is not ready. */
export const reportOf = async (port: number | undefined): Promise<Reports[string]> => {
  const since = new Date().toISOString()
  const silent = {
    status: 'not_ready',
    checks: [{ name: 'process', status: 'failing', since, code: 'no_answer' }],
  } as const
  if (port === undefined) return silent
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(readyTimeoutMs) })
    return (await response.json()) as Reports[string]
  } catch {
    return silent
  }
}

const worst = (reports: Reports): string => {
  const states = Object.values(reports).map(({ status }) => String(status))
  if (states.includes('not_ready')) return 'not_ready'
  return states.includes('degraded') ? 'degraded' : 'ready'
}

/** One `/readyz` for all services: the worst of their states, and each one's checks by name. */
export const readiness =
  (read: () => Promise<Reports>): RequestListener =>
  (_request, response) => {
    void read().then((reports) => {
      const status = worst(reports)
      response.writeHead(status === 'not_ready' ? 503 : 200, {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(JSON.stringify({ status, services: reports }))
    })
  }
