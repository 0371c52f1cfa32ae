import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ShownCertificate } from '@countersign/intent'
import { calculateJwkThumbprint, exportJWK } from 'jose'

/**
 * The client certificate of a connection. The TLS handshake has proven that whoever speaks holds its private key (RFC 8705
 * §3); who it names and who issued it say nothing here. Undefined where there is none, or its key is of a kind that has no
 * thumbprint: what is bound to a certificate is refused then.
 */
export const shownCertificate = async (socket: Socket): Promise<ShownCertificate | undefined> => {
  if (!(socket instanceof TLSSocket)) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  try {
    return {
      thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
      keyThumbprint: await calculateJwkThumbprint(await exportJWK(certificate.publicKey), 'sha256'),
    }
  } catch {
    return undefined
  }
}
