import type { RequestListener } from 'node:http'
import type { ServiceName } from '../start-services/settings-of-services.ts'

/** A service that answers requests. */
export type ServedService = Exclude<ServiceName, 'relay'>

/** Which service answers a path. The first match counts; services behind one address never share a path. */
const routes: readonly (readonly [RegExp, ServedService])[] = [
  [/^\/v1\/intents\/[^/]+\/story$/, 'lineage-projector'],
  [/^\/v1\/(lineage|audit)(\/|$)/, 'lineage-projector'],
  [/^\/v1\/(reviews|directory|accounts)(\/|$)/, 'notifier'],
  [/^\/callbacks\//, 'notifier'],
  [/^\/scim\/v2(\/|$)/, 'notifier'],
  [/^\/me\//, 'notifier'],
  [/^\/v1\/ledger(\/|$)/, 'ledger'],
  [/^\/v1\/policy-sets(\/|$)/, 'policy'],
  [/^/, 'intake'],
]

/** The service for a request target; paths are matched as they came, without decoding. */
export const serviceFor = (url: string): ServedService => {
  const path = url.split('?', 1)[0] ?? '/'
  return routes.find(([pattern]) => pattern.test(path))?.[1] ?? 'intake'
}

/** One address for all services, and one `/readyz` that speaks for all. */
export const front =
  (
    serve: (service: ServedService, ...exchange: Parameters<RequestListener>) => void,
    ready: RequestListener,
  ): RequestListener =>
  (request, response) => {
    if (request.method === 'GET' && request.url === '/readyz') ready(request, response)
    else serve(serviceFor(request.url ?? '/'), request, response)
  }
