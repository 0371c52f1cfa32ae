/** Said of a value that only the full algorithm can write. */
export const unsuited = Symbol('unsuited')

/** Deeper values, and so all cycles, are left to the full algorithm. */
const deepest = 64

/**
 * A copy of a plain JSON value in which `JSON.stringify` meets the members of every object in the order of RFC 8785
 * §3.2.3, so that what it writes is canonical but for lone surrogates, which it escapes. `unsuited` for everything
 * of which that is not certain: numbers that JSON lacks, objects that are not plain, and names that an object of
 * JavaScript does not keep in the order of their insertion.
 */
export const orderedCopy = (value: unknown, depth = 0): unknown => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : unsuited
    case 'object':
      if (value === null) return value
      if (depth === deepest) return unsuited
      return Array.isArray(value) ? orderedItems(value, depth + 1) : orderedMembers(value, depth + 1)
    default:
      return unsuited
  }
}

const orderedItems = (items: readonly unknown[], depth: number): unknown => {
  if ('toJSON' in items) return unsuited
  const copy: unknown[] = []
  for (const item of items) {
    const ordered = typeof item === 'string' ? item : orderedCopy(item, depth)
    if (ordered === unsuited) return unsuited
    copy.push(ordered)
  }
  return copy
}

const orderedMembers = (object: object, depth: number): unknown => {
  if (Object.getPrototypeOf(object) !== Object.prototype) return unsuited
  const members = object as Readonly<Record<string, unknown>>
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(object).sort()) {
    const member = members[name]
    if (isSpecial(name)) return unsuited
    // Storage leaves it out, and so does every canonical form.
    if (member === undefined) continue
    const ordered = typeof member === 'string' ? member : orderedCopy(member, depth)
    if (ordered === unsuited) return unsuited
    copy[name] = ordered
  }
  return copy
}

/** Names that are indices come first in an object whatever their place; one sets the prototype, one is called to write the object. */
const isSpecial = (name: string): boolean => {
  const first = name.charCodeAt(0)
  return (first >= 0x30 && first <= 0x39) || name === '__proto__' || name === 'toJSON'
}
