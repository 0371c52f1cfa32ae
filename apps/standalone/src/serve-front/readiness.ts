import type { RequestListener } from 'node:http'
import type { Service } from '@countersign/service-kit'

type Reports = Record<string, Awaited<ReturnType<Service['checks']['report']>>>

const worst = (reports: Reports): string => {
  const states = Object.values(reports).map(({ status }) => String(status))
  if (states.includes('not_ready')) return 'not_ready'
  return states.includes('degraded') ? 'degraded' : 'ready'
}

/** One `/readyz` for all services of the process: the worst of their states, and each one's checks by name. */
export const readiness =
  (services: readonly Service[]): RequestListener =>
  (_request, response) => {
    void Promise.all(services.map(async (service) => [service.name, await service.checks.report()] as const)).then(
      (entries) => {
        const reports: Reports = Object.fromEntries(entries)
        const status = worst(reports)
        response.writeHead(status === 'not_ready' ? 503 : 200, {
          'content-type': 'application/json; charset=utf-8',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        })
        response.end(JSON.stringify({ status, services: reports }))
      },
    )
  }
