import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** A certificate that signed itself, with its private key; PEM. */
export type SelfSigned = {
  readonly cert: string
  readonly key: string
  /** SHA-256 of the certificate as RFC 8705 names it. */
  readonly thumbprint: string
  /** Its public key. */
  readonly jwk: Readonly<Record<string, unknown>>
}

/** Whom a certificate is for, and for how long. */
export type Holder = {
  /** Host names and IPv4 addresses of a server. */
  readonly hosts?: readonly string[]
  /** Default: an hour. */
  readonly goodForMs?: number
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

const oid = (hex: string): Buffer => Buffer.from(hex, 'hex')
const critical = Buffer.from('0101ff', 'hex')
const extension = (name: Buffer, isCritical: boolean, value: Buffer): Buffer =>
  sequence(name, ...(isCritical ? [critical] : []), tlv(0x04, value))

/** Extensions by RFC 5280: no issuer of others, made to sign handshakes, for these hosts. */
const extensions = (hosts: readonly string[]): Buffer => {
  const names = hosts.map((host) =>
    isIPv4(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host)),
  )
  return tlv(
    0xa3,
    sequence(
      extension(oid('0603551d13'), true, sequence()),
      extension(oid('0603551d0f'), true, tlv(0x03, Buffer.from([7, 0x80]))),
      ...(names.length === 0 ? [] : [extension(oid('0603551d11'), false, sequence(...names))]),
    ),
  )
}

/** Makes a certificate (X.509 v3, P-256) without any program. */
export const selfSigned = (name: string, { hosts = [], goodForMs = hour }: Holder = {}): SelfSigned => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(name),
    sequence(utcTime(new Date(Date.now() - hour)), utcTime(new Date(Date.now() + goodForMs))),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions(hosts),
  )
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  const der = sequence(body, ecdsaWithSha256, signature)
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  }
}
