import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'

export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

const require = createRequire(import.meta.url)

/**
 * Reading a policy set runs most of the engine once or a few times. By its own measure V8 optimizes those functions
 * meanwhile, which costs more CPU than reading the set; at 15 times that it waits until they are used to decide.
 */
const tiering = '--wasm-tiering-budget=200000000'

/**
 * A Cedar instance of its own. A deeply nested policy overflows the WebAssembly stack, and that instance then fails every
 * later call, so each policy set gets its own: one that is refused cannot take down the one that is active.
 */
export const openCedar = (): Cedar => {
  setFlagsFromString(tiering)
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs')
  Reflect.deleteProperty(require.cache, path)
  return require(path) as Cedar
}
