/** Where a secret stands in a text: UTF-16 indices, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** One kind of secret. `find` gives spans in the order of their start, in time linear in the text. */
export interface SecretRule {
  readonly name: string
  readonly find: (text: string) => readonly Span[]
}

const none: readonly never[] = []

/** What a global pattern matches in a text, as matchAll says it, without its copy of the pattern: most texts match nothing. */
export function matches(pattern: RegExp, text: string): readonly RegExpExecArray[] {
  pattern.lastIndex = 0
  let match = pattern.exec(text)
  if (match === null) return none
  const found: RegExpExecArray[] = []
  for (; match !== null; match = pattern.exec(text)) {
    found.push(match)
    pattern.lastIndex = Math.max(pattern.lastIndex, match.index + 1)
  }
  return found
}

/** The quote that a value starts with, escaped or not. */
export const OPENING_QUOTE = /^\\*["'`]/

interface PatternOptions {
  /** Looks at a match and its place more closely than the pattern can. */
  readonly accept?: (match: RegExpExecArray, text: string) => boolean
}

/**
 * Makes a rule from a global pattern. The span is the match, without what the pattern captures as `keep` at its start
 * (the name of an assignment, the scheme of a header) and without the quote that opens the captured `value`.
 */
export function patternRule(name: string, pattern: RegExp, options: PatternOptions = {}): SecretRule {
  const { accept } = options
  return {
    name,
    find: (text) => {
      const found = matches(pattern, text)
      if (found.length === 0) return none
      const spans: Span[] = []
      for (const match of found) {
        if (accept !== undefined && !accept(match, text)) continue
        const kept = match.groups?.['keep']?.length ?? 0
        const quote = OPENING_QUOTE.exec(match.groups?.['value'] ?? '')?.[0].length ?? 0
        spans.push({ start: match.index + kept + quote, end: match.index + match[0].length })
      }
      return spans
    },
  }
}

/** Shannon entropy of a text in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** How often upper case, lower case and digits take turns in a text; other characters are passed over. */
export function classChanges(text: string): number {
  const classes = text.replaceAll(/[^a-zA-Z0-9]/g, '').match(/[a-z]+|[A-Z]+|[0-9]+/g) ?? []
  return Math.max(0, classes.length - 1)
}
