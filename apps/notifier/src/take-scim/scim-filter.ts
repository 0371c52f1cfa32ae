import { ScimError } from './scim-error.ts'

/** Attributes by which resources are found, in lower case. */
export type FilterAttribute = 'id' | 'username' | 'externalid' | 'displayname'
export type ScimFilter = { readonly attribute: FilterAttribute; readonly value: string }

const equality = /^\s*([A-Za-z:.0-9]+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/i

/**
 * A filter of one equality, which is what directories ask to find out whether they have sent somebody before. Attribute and
 * operator are compared without case (RFC 7644 §3.4.2.2). Anything else is refused rather than answered wrongly.
 */
export const readFilter = (text: string | undefined, allowed: readonly FilterAttribute[]): ScimFilter | undefined => {
  if (text === undefined) return undefined
  const [, attribute = '', quoted = ''] = equality.exec(text) ?? []
  const named = attribute.toLowerCase().replace(/^urn:ietf:params:scim:schemas:core:2\.0:(user|group):/, '')
  const found = allowed.find((name) => name === named)
  if (found === undefined) throw new ScimError(400, `Filters are: ${allowed.join(', ')} eq "…".`, 'invalidFilter')
  return { attribute: found, value: parsedText(quoted) }
}

const parsedText = (quoted: string): string => {
  const value = jsonText(quoted)
  // No text of the store holds it.
  if (value === undefined || value.includes('\0'))
    throw new ScimError(400, 'The value of the filter is not a JSON string.', 'invalidFilter')
  return value
}

const jsonText = (quoted: string): string | undefined => {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return undefined
  }
}

const memberPath = /^\s*members\s*\[\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*\]\s*$/i

/** The member that a path such as `members[value eq "…"]` names; undefined for any other path. */
export const memberIn = (path: string): string | undefined => {
  const quoted = memberPath.exec(path)?.[1]
  return quoted === undefined ? undefined : parsedText(quoted)
}
