import { once } from 'node:events'
import { createEdgeServer } from '@countersign/service-kit'
import { createProxy, front, readiness, reportOf, type ServiceName } from '@countersign/standalone'

/** Where the services of docker-compose.yml listen, on 127.0.0.1 of the namespace that they share. */
const ports: Readonly<Record<ServiceName, number>> = {
  intake: 3_001,
  policy: 3_002,
  notifier: 3_003,
  ledger: 3_004,
  'lineage-projector': 3_005,
  relay: 3_006,
}

/** One address for all services, on a port that a container publishes on loopback. */
export const serveFront = async (port: number): Promise<{ readonly close: () => Promise<void> }> => {
  const proxy = createProxy()
  const reports = async () =>
    Object.fromEntries(
      await Promise.all(Object.entries(ports).map(async ([name, at]) => [name, await reportOf(at)] as const)),
    )
  const server = createEdgeServer(
    front((service, ...exchange) => proxy.pass(ports[service], ...exchange), readiness(reports)),
  )
  server.listen(port, '0.0.0.0')
  await once(server, 'listening')
  return {
    close: async () => {
      server.close()
      server.closeIdleConnections()
      await once(server, 'close')
      proxy.close()
    },
  }
}
