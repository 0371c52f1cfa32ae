import type { RequestListener } from 'node:http'
import type { HealthReport } from '@countersign/service-kit'

/** What each service says of itself, by its name. */
export type Reports = Readonly<Record<string, HealthReport>>

const readyTimeoutMs = 3_000

const isReport = (answer: unknown): answer is HealthReport =>
  typeof answer === 'object' && answer !== null && 'checks' in answer && Array.isArray(answer.checks)

/** What the service on this port says of itself; undefined when it says nothing, as one that stops does. */
export const readReport = async (port: number): Promise<HealthReport | undefined> => {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(readyTimeoutMs) })
    const answer: unknown = await response.json()
    return isReport(answer) ? answer : undefined
  } catch {
    return undefined
  }
}

/** What a service says of itself; one that does not is not ready. */
export const reportOf = async (port: number | undefined): Promise<HealthReport> =>
  (port === undefined ? undefined : await readReport(port)) ?? {
    status: 'not_ready',
    checks: [{ name: 'process', status: 'failing', since: new Date().toISOString(), code: 'no_answer' }],
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
