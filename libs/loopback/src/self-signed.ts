import { createHash, generateKeyPairSync, sign } from 'node:crypto'

/** A certificate that signed itself, with its private key; PEM. */
export type SelfSigned = {
  readonly cert: string
  readonly key: string
  /** SHA-256 of the certificate as RFC 8705 names it. */
  readonly thumbprint: string
  /** Its public key. */
  readonly jwk: Readonly<Record<string, unknown>>
}

const hour = 3_600_000

const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts)
const commonName = (name: string): Buffer =>
  sequence(tlv(0x31, sequence(Buffer.from('0603550403', 'hex'), tlv(0x0c, Buffer.from(name)))))
const utcTime = (time: Date): Buffer =>
  tlv(
    0x17,
    Buffer.from(
      `${time
        .toISOString()
        .replaceAll(/[-:T]|\.\d+/g, '')
        .slice(2, -1)}Z`,
    ),
  )
const ecdsaWithSha256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'))

/** Makes a certificate (X.509 v1, P-256) that is good for an hour, without any program. */
export const selfSigned = (name: string): SelfSigned => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = sequence(
    tlv(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    commonName(name),
    sequence(utcTime(new Date(Date.now() - hour)), utcTime(new Date(Date.now() + hour))),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  const der = sequence(body, ecdsaWithSha256, signature)
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  }
}
