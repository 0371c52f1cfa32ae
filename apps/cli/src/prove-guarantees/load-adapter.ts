import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Cast, countersignGate, type Gate, sendTo } from '@countersign/conformance'
import { Failure } from '../exit-codes.ts'

/** What an adapter's module exports as default: the gate of a product, at an address and for whoever takes part. */
export type GateAdapter = (deployment: { readonly url: string; readonly cast: Cast }) => Gate | Promise<Gate>

/** Countersign's own. */
const ownAdapter: GateAdapter = ({ url, cast }) => countersignGate(sendTo(url), cast.agentName ?? '')

/** The adapter in a module; Countersign's own without one. @throws Failure when the module has none */
export const loadAdapter = async (file: string | undefined): Promise<GateAdapter> => {
  if (file === undefined) return ownAdapter
  const path = resolve(file)
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (error) {
    throw new Failure(`${path} cannot be loaded`, { why: error instanceof Error ? error.message : undefined })
  }
  if (typeof module.default !== 'function') {
    throw new Failure(`${path} has no adapter`, { next: 'Its default export is a function that gives a gate.' })
  }
  return module.default as GateAdapter
}
