import type { ProblemSource } from './problem-details.ts'

/** A body as the controllers get it, or why it is refused. */
export type ReadBody = { readonly value: unknown } | { readonly refused: ProblemSource }

/** One JSON body from its bytes. */
export const readJsonBody = (bytes: Buffer): ReadBody => {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) }
  } catch {
    return { refused: { code: 'invalid_json' } }
  }
}
