import { redactText } from '@countersign/redaction'

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

/** `scheme://user:password@host`: only the user part goes, the host helps whoever reads the line. */
const urlCredentials = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi

const redacted = '[redacted]'
const longestText = 2_048
const readText = 65_536
const deepest = 6
const mostEntries = 100

const isSecretName = (name: string): boolean => {
  const plain = name.toLowerCase().replace(/[-_]/g, '')
  return secretNames.has(plain) || secretNameEndings.some((ending) => plain.endsWith(ending))
}

/** Redacted before it is cut, so that a secret across the edge does not leave its first half. */
const safeText = (text: string): string => {
  const safe = redactText(text.slice(0, readText)).replace(urlCredentials, `$1${redacted}@`)
  return safe.length > longestText ? `${safe.slice(0, longestText)}…` : safe
}

/** Name, code, text and stack of an error. Other properties may quote values (PostgreSQL's `detail`) and are dropped. */
const redactError = (error: Error, depth: number): Record<string, unknown> => {
  const code = (error as { code?: unknown }).code
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code: safeText(code) } : {}),
    message: safeText(error.message),
    ...(error.stack === undefined ? {} : { stack: safeText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactFields(error.cause, depth + 1) }),
  }
}

/** A flag or a gap under a secret's name (`token: undefined`) says something about us and nothing about the secret. */
const isTelling = (value: unknown): boolean => value !== undefined && value !== null && typeof value !== 'boolean'

/** A copy of a logged value without secrets, bounded in depth (6), entries (100) and text length (2,048). */
export const redactFields = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') return safeText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '[deep]'
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, mostEntries).map((item) => redactFields(item, depth + 1))
  const source = value as Record<string, unknown>
  if (typeof source['toJSON'] === 'function') return redactFields(source['toJSON'](), depth + 1)
  return Object.fromEntries(
    Object.keys(source)
      .slice(0, mostEntries)
      .map((name) => [
        safeText(name),
        isSecretName(name) && isTelling(source[name]) ? redacted : redactFields(source[name], depth + 1),
      ]),
  )
}
