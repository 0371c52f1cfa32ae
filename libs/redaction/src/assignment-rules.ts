import { OPENING_QUOTE, patternRule, type SecretRule } from './secret-rule.ts'

// What redactText has put there is no secret any more.
const REDACTED = /^\[REDACTED:[a-z0-9_]+\]$/
const KEY_NAME =
  '(?:password|passwd|passphrase|pwd|secret|token|(?:api|access|secret|private|signing|encryption)[_-]?key)'

// A value in quotes runs to its closing quote, in an escaped string (JSON inside JSON) to the next backslash; without
// quotes it runs to white space, a quote or the next pair of a query or connection string.
const VALUE = `(?<value>${[
  String.raw`\\+"[^"\\\r\n]{1,4096}`,
  String.raw`"(?:[^"\\\r\n]|\\.){1,4096}`,
  String.raw`'(?:[^'\\\r\n]|\\.){1,4096}`,
  String.raw`(?:[^\s"'\x60&;\\]|\\(?!["'nr])){1,4096}`,
].join('|')})`
const AFTER_NAME = String.raw`\\{0,3}["'\x60]?\s{0,8}`
const HEADER = String.raw`authorization\\{0,3}["']?\s{0,8}[:=]\s{0,8}\\{0,3}["']?`

const valueOf = (match: RegExpExecArray): string => match.groups?.['value'] ?? ''
const isFresh = (match: RegExpExecArray): boolean => !REDACTED.test(valueOf(match).replace(OPENING_QUOTE, ''))

// "token: ask the owner" is prose and "secret:prod/db" is part of a resource name; a key looks like neither.
function looksAssigned(match: RegExpExecArray): boolean {
  const value = valueOf(match)
  if (!isFresh(match)) return false
  if (OPENING_QUOTE.test(value)) return true
  return value.length >= 6 && (/[0-9]/.test(value) || value.length >= 16)
}

const hasDigit = (match: RegExpExecArray): boolean => isFresh(match) && /[0-9]/.test(valueOf(match))

/** Secrets that show by the name or the place that they are given in. */
export const ASSIGNMENT_RULES: readonly SecretRule[] = [
  patternRule(
    'authorization_header',
    new RegExp(
      String.raw`(?<keep>${HEADER}(?:bearer|basic|token|apikey|negotiate|ntlm|dpop)\s{1,8})(?<value>[^\s"'\\]{6,4096})`,
      'gi',
    ),
    { accept: isFresh },
  ),
  patternRule('authorization_header', new RegExp(String.raw`(?<keep>${HEADER})(?<value>[^\s"'\\]{16,4096})`, 'gi'), {
    accept: hasDigit,
  }),
  patternRule('bearer_token', /(?<keep>bearer\s{1,8})(?<value>[A-Za-z0-9._~+/=-]{16,})/gi, { accept: hasDigit }),
  patternRule(
    'assignment',
    new RegExp(String.raw`(?<keep>${KEY_NAME}${AFTER_NAME}(?::=|=>|={1,2})\s{0,8})${VALUE}`, 'gi'),
    {
      accept: isFresh,
    },
  ),
  patternRule(
    'assignment',
    new RegExp(String.raw`(?<keep>(?:password|passwd|passphrase)${AFTER_NAME}:\s{0,8})${VALUE}`, 'gi'),
    { accept: isFresh },
  ),
  patternRule(
    'assignment',
    new RegExp(String.raw`(?<keep>${KEY_NAME}(?:\s{0,8}:\s{1,8}|\\{0,3}["'\x60]\s{0,8}:\s{0,8}))${VALUE}`, 'gi'),
    { accept: looksAssigned },
  ),
  patternRule(
    'assignment',
    new RegExp(String.raw`(?<keep>(?<![A-Za-z-])--[a-z-]{0,32}${KEY_NAME}\s{1,8})${VALUE}`, 'gi'),
    { accept: isFresh },
  ),
  patternRule('url_password', /(?<keep>:\/\/[^\s/@:?#"'<>]{0,128}:)(?<value>[^\s/@?#"'<>]{1,256})(?=@)/g, {
    accept: isFresh,
  }),
]

const SECRET_NAME = new RegExp(`${KEY_NAME}$`, 'i')

/** Says whether a member of this name holds a secret whatever its value looks like (`password`, `client_secret`). */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}
