import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { rolldown } from 'rolldown'
import { bundleOf, compiledOf, isBundled } from '../apps/standalone/src/supervise-services/program-of-service.ts'

// Bundles each service that runs as a process of its own, after `tsc -b`: loading a module costs more than running it, and
// a service has some 2,400. Bundles that are up to date stay as they are.

const services = ['intake', 'policy', 'notifier', 'ledger', 'lineage-projector', 'relay'] as const

/** Stays a package: the bus changes parts of it in place, and a copy in the bundle would not be changed with it. */
const external = [/^kafkajs(\/|$)/]

for (const service of services) {
  if (isBundled(service)) continue
  const folder = dirname(bundleOf(service))
  rmSync(folder, { recursive: true, force: true })
  const bundle = await rolldown({
    input: { main: compiledOf(service) },
    platform: 'node',
    external,
    onLog: (level, log, next) => {
      // Nest names packages that a service may have and ours do not.
      if (log.code !== 'UNRESOLVED_IMPORT' && log.code !== 'EVAL') next(level, log)
    },
  })
  await bundle.write({ dir: folder, format: 'esm' })
  await bundle.close()
}
