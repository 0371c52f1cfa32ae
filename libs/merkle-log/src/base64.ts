/**
 * Bytes of a standard base64 text (RFC 4648 §4), or `undefined` unless it is the one encoding of them: no missing or
 * extra padding, no other alphabet, no set trailing bits, no white space.
 */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

export const encodeBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** A decimal without sign and leading zeros below 2^53, or `undefined`. */
export const parseCount = (text: string): number | undefined => {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
