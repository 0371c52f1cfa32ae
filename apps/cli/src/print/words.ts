/** A time span as people read it: `412 ms`, `1.9 s`, `2 min 05 s`. */
export const span = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

/** A whole number with thousands separated by commas. */
export const count = (value: number): string => value.toLocaleString('en-US')

/** `1 card`, `2 cards`. */
export const plural = (value: number, word: string): string => `${count(value)} ${word}${value === 1 ? '' : 's'}`

/** The beginning of a digest, enough to compare by eye: `sha256:7be2c0d1…`. */
export const shortDigest = (digest: string): string => digest.replace(/^([a-z0-9-]+:)?([0-9a-f]{8})[0-9a-f]+$/, '$1$2…')

/** Text from elsewhere, made safe for a terminal: control characters and line breaks become visible. */
export const plain = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (sign) => {
    const code = sign.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, '0')}`
  })

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of `90s`, `15m`, `4h`, `1d` or `500ms`; undefined for anything else. */
export const durationMs = (text: string): number | undefined => {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * units[unit as keyof typeof units]
}
