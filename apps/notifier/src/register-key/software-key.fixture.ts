import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

// The little of CBOR (RFC 8949) that an attestation without a statement needs.
const head = (major: number, length: number): Buffer => {
  if (length < 24) return Buffer.from([(major << 5) | length])
  return length < 256
    ? Buffer.from([(major << 5) | 24, length])
    : Buffer.from([(major << 5) | 25, length >> 8, length & 255])
}
const bytesOf = (value: Uint8Array): Buffer => Buffer.concat([head(2, value.length), value])
const textOf = (value: string): Buffer => Buffer.concat([head(3, value.length), Buffer.from(value)])
const integerOf = (value: number): Buffer => (value >= 0 ? head(0, value) : head(1, -1 - value))

type Answering = {
  readonly rpId?: string
  readonly origin?: string
  readonly isVerified?: boolean
  readonly counter?: number
}

/** An authenticator in software, as far as registering and signing go. Everything about its answers can be made wrong. */
export const softwareKey = (site: { readonly origin: string }, credentialId = randomBytes(32)) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = base64url(credentialId)
  let counter = 0

  const authenticatorData = ({ rpId, isVerified = true, counter: given }: Answering, attested?: Buffer): Buffer => {
    counter = given ?? counter + 1
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const flags = 1 | (isVerified ? 4 : 0) | (attested === undefined ? 0 : 64)
    const place = sha256(rpId ?? new URL(site.origin).hostname)
    return Buffer.concat([place, Buffer.from([flags]), count, attested ?? Buffer.alloc(0)])
  }
  const clientData = (type: string, challenge: string, { origin = site.origin }: Answering): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
  const answer = (response: object) =>
    JSON.stringify({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response })

  return {
    credentialId: id,
    /** Answer to creation options. */
    register: ({ challenge }: { readonly challenge: string }, given: Answering = {}): string => {
      const cose = Buffer.concat([
        head(5, 5),
        ...[1, 2, 3, -7, -1, 1].map(integerOf),
        integerOf(-2),
        bytesOf(Buffer.from(x, 'base64url')),
        integerOf(-3),
        bytesOf(Buffer.from(y, 'base64url')),
      ])
      const length = Buffer.from([credentialId.length >> 8, credentialId.length & 255])
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, cose])
      const attestationObject = Buffer.concat([
        head(5, 3),
        textOf('fmt'),
        textOf('none'),
        textOf('attStmt'),
        head(5, 0),
        textOf('authData'),
        bytesOf(authenticatorData(given, attested)),
      ])
      return answer({
        clientDataJSON: base64url(clientData('webauthn.create', challenge, given)),
        attestationObject: base64url(attestationObject),
        transports: ['usb'],
      })
    },
    /** Answer to request options. */
    sign: ({ challenge }: { readonly challenge: string }, given: Answering = {}): string => {
      const data = authenticatorData(given)
      const client = clientData('webauthn.get', challenge, given)
      return answer({
        authenticatorData: base64url(data),
        clientDataJSON: base64url(client),
        signature: base64url(sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)),
      })
    },
  }
}
