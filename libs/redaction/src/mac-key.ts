const MAC_KEY_BYTES = 32

/** Returns the key, or throws a RangeError when it is shorter than the 32 bytes of the hash (RFC 2104 §3). */
export function macKey(key: Uint8Array): Uint8Array {
  if (key.length < MAC_KEY_BYTES) throw new RangeError('a MAC key has at least 32 bytes')
  return key
}
