import { createHash } from 'node:crypto'

const names = new Map<string, string>()
/** Texts beyond this many are sent unprepared: a statement that is built anew each time must not fill every session. */
const mostStatements = 500

/**
 * A statement that the server parses and plans once per connection and then only runs; for hot paths. The name is made from
 * the text, so the same text is the same statement everywhere.
 */
export const prepared = (
  text: string,
  values: readonly unknown[],
): { name?: string; text: string; values: unknown[] } => {
  let name = names.get(text)
  if (name === undefined && names.size < mostStatements) {
    name = `cs_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`
    names.set(text, name)
  }
  return { ...(name === undefined ? {} : { name }), text, values: [...values] }
}
