import { createRequire } from 'node:module'

export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

const require = createRequire(import.meta.url)

/**
 * A Cedar instance of its own. A deeply nested policy overflows the WebAssembly stack, and that instance then fails every
 * later call, so each policy set gets its own: one that is refused cannot take down the one that is active.
 */
export const openCedar = (): Cedar => {
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs')
  Reflect.deleteProperty(require.cache, path)
  return require(path) as Cedar
}
