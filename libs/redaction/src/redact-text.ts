import { ASSIGNMENT_RULES } from './assignment-rules.ts'
import { type DecodedWord, decodedWords } from './encoded-secrets.ts'
import { PAYMENT_RULES } from './payment-rules.ts'
import type { SecretRule, Span } from './secret-rule.ts'
import { TOKEN_RULES } from './token-rules.ts'

const RULES: readonly SecretRule[] = [...TOKEN_RULES, ...ASSIGNMENT_RULES, ...PAYMENT_RULES]
// No secret kind is shorter than "pwd=x".
const SHORTEST = 5

interface Finding extends Span {
  readonly rule: string
}

function* findings(text: string): Generator<Finding> {
  for (const rule of RULES) {
    for (const span of rule.find(text)) yield { ...span, rule: rule.name }
  }
  yield* encodedFindings([...decodedWords(text)])
}

// Between two decoded words: white space ends tokens and values, and an END line a private key that was cut off.
const WORD_END = '\n-----END \n'

/** Reads all decoded words in one pass of the rules; a secret in one of them marks the word as a whole. */
function* encodedFindings(words: readonly DecodedWord[]): Generator<Finding> {
  if (words.length === 0) return
  const ends: number[] = []
  let length = 0
  for (const word of words) {
    length += word.text.length + WORD_END.length
    ends.push(length)
  }
  const text = words.map((word) => word.text + WORD_END).join('')
  for (const rule of RULES) {
    let at = 0
    for (const { start } of rule.find(text)) {
      while ((ends[at] ?? length) <= start) at += 1
      const word = words[at]
      if (word !== undefined) yield { ...word.span, rule: rule.name }
    }
  }
}

/**
 * Names the first rule that finds a secret in the text, also one that is Base64-, hex- or percent-encoded once. Takes
 * time linear in the text.
 */
export function findSecret(text: string): { readonly rule: string } | undefined {
  if (text.length < SHORTEST) return undefined
  for (const { rule } of findings(text)) return { rule }
  return undefined
}

/**
 * Replaces every secret in the text with `[REDACTED:<rule>]`. Of secrets that overlap, the whole stretch goes and the
 * first one names it, the more special rule where two start together. What is left has no secret that findSecret knows.
 */
export function redactText(text: string): string {
  if (text.length < SHORTEST) return text
  const found = [...findings(text)]
  if (found.length === 0) return text
  found.sort((a, b) => a.start - b.start)
  let result = ''
  let at = 0
  for (const { start, end, rule } of found) {
    if (end <= at) continue
    if (start >= at) result += `${text.slice(at, start)}[REDACTED:${rule}]`
    at = end
  }
  return result + text.slice(at)
}
