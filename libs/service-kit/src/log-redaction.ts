/**
 * What never reaches a log line, by the name of the field and by the look of the text. The names are compared without
 * case, `-` and `_`, at any depth.
 */
const secretNames: ReadonlySet<string> = new Set([
  'accesskey',
  'accesstoken',
  'apikey',
  'assertion',
  'authorization',
  'bearer',
  'body',
  'clientsecret',
  'comment',
  'cookie',
  'credential',
  'credentials',
  'grant',
  'idtoken',
  'jwt',
  'key',
  'logs',
  'parameters',
  'passphrase',
  'passwd',
  'password',
  'payload',
  'privatekey',
  'proxyauthorization',
  'pwd',
  'rationale',
  'rawbody',
  'receipt',
  'refreshtoken',
  'salt',
  'secret',
  'setcookie',
  'signature',
  'signingsecret',
  'token',
  'xslacksignature',
])

const secretNameEndings = ['password', 'secret', 'token', 'apikey', 'privatekey', 'signature', 'credentials', 'dsn']

const secretTexts: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\beyJ[\w-]{6,}\.[\w-]+(\.[\w-]*)?/g,
  /\b(Bearer|Basic|DPoP|Negotiate)\s+[\w.~+/=-]{6,}/gi,
  /\b(gh[pousr]_|github_pat_|glpat-|npm_|sk-ant-|sk-proj-|sk_live_|rk_live_|sk-|hvs\.|hvb\.|whsec_)[\w.-]{10,}/g,
  /\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}/g,
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[\w-]{30,}/g,
  /\b(password|passwd|pwd|secret|token|api[_-]?key|client_secret|access_token)\s*[=:]\s*["']?[^\s"'&,;]+/gi,
]

/** `scheme://user:password@host`: only the user part goes, the host helps whoever reads the line. */
const urlCredentials = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi

const redacted = '[redacted]'
const longestText = 2_048
const deepest = 6
const mostEntries = 100

const isSecretName = (name: string): boolean => {
  const plain = name.toLowerCase().replace(/[-_]/g, '')
  return secretNames.has(plain) || secretNameEndings.some((ending) => plain.endsWith(ending))
}

/** Text with everything that looks like a secret replaced by `[redacted]`, cut at 2,048 characters. */
export const redactText = (text: string): string => {
  const cut = text.length > longestText ? `${text.slice(0, longestText)}…` : text
  return secretTexts
    .reduce((rest, pattern) => rest.replace(pattern, redacted), cut)
    .replace(urlCredentials, `$1${redacted}@`)
}

/** Name, code, text and stack of an error. Other properties may quote values (PostgreSQL's `detail`) and are dropped. */
const redactError = (error: Error, depth: number): Record<string, unknown> => {
  const code = (error as { code?: unknown }).code
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code: redactText(code) } : {}),
    message: redactText(error.message),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactValue(error.cause, depth + 1) }),
  }
}

/** A copy of a logged value without secrets, bounded in depth (6), entries (100) and text length (2,048). */
export const redactValue = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '[deep]'
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, mostEntries).map((item) => redactValue(item, depth + 1))
  const source = value as Record<string, unknown>
  if (typeof source['toJSON'] === 'function') return redactValue(source['toJSON'](), depth + 1)
  return Object.fromEntries(
    Object.keys(source)
      .slice(0, mostEntries)
      .map((name) => [
        redactText(name),
        isSecretName(name) && isPrintable(source[name]) ? redacted : redactValue(source[name], depth + 1),
      ]),
  )
}

/** Numbers and booleans under a secret-looking name (`tokens: 3`, `key: 1`) say nothing and may stay. */
const isPrintable = (value: unknown): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null)
