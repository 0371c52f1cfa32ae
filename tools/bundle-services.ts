import { rmSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { bundleOf, compiledOf, isBundled } from '../apps/standalone/src/supervise-services/program-of-service.ts'

// Bundles each service that runs as a process of its own, after `tsc -b`: loading a module costs more than running it, and
// a service has some 2,400. Bundles that are younger than what the compiler wrote, the packages and this file stay as they are.

const services = ['intake', 'policy', 'notifier', 'ledger', 'lineage-projector', 'relay'] as const

/**
 * Lets a bundle ask for Node's own modules as `process.getBuiltinModule` does. An `import` of one reads every property that
 * it exports, and `node:http` loads a second HTTP client for that.
 */
const builtinsOnDemand: Plugin = {
  name: 'builtins-on-demand',
  // What the bundler itself adds to a bundle is there before any module, and asks in its own way.
  resolveId: (id, importer) =>
    isBuiltin(id) && importer?.startsWith('\0rolldown') !== true
      ? { id: `\0${id}.cjs`, moduleSideEffects: false }
      : null,
  load: (id) =>
    id.startsWith('\0') && isBuiltin(id.slice(1, -4))
      ? `module.exports = process.getBuiltinModule(${JSON.stringify(id.slice(1, -4))})`
      : null,
}

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const inputsAt = Math.max(
  changedAt(import.meta.filename),
  changedAt(join(import.meta.dirname, '../node_modules/.package-lock.json')),
)

for (const service of services) {
  if (isBundled(service) && changedAt(bundleOf(service)) > inputsAt) continue
  const folder = dirname(bundleOf(service))
  rmSync(folder, { recursive: true, force: true })
  const bundle = await rolldown({
    input: { main: compiledOf(service) },
    platform: 'node',
    plugins: [builtinsOnDemand],
    onLog: (level, log, next) => {
      // Nest names packages that a service may have and ours do not.
      if (log.code !== 'UNRESOLVED_IMPORT' && log.code !== 'EVAL') next(level, log)
    },
  })
  await bundle.write({ dir: folder, format: 'esm' })
  await bundle.close()
}
