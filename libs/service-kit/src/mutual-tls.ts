import { constants, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Type } from 'typebox'
import { createEdgeServer, type EdgeLimits } from './edge-server.ts'
import { FollowedFiles } from './followed-files.ts'
import type { Log } from './log.ts'
import { ConfigError } from './read-config.ts'

/** A listener on which clients show a certificate; part of the schema of a service that binds something to one. */
export const mutualTlsSettings = {
  MTLS_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description:
        'Port for mutual TLS (RFC 8705), beside the other; off when not set. A proxy has to pass TLS through',
    }),
  ),
  MTLS_HOST: Type.String({ default: '127.0.0.1', description: 'Address of that port' }),
  MTLS_CERT_FILE: Type.Optional(Type.String({ description: 'Certificate chain of the server for it (PEM), followed' })),
  MTLS_KEY_FILE: Type.Optional(Type.String({ description: 'Its private key (PEM, mode 0600), followed' })),
  MTLS_CLIENT_CA_FILE: Type.Optional(
    Type.String({
      description:
        'Certificates (PEM) that issue those of clients; without it any certificate is taken for its key alone',
    }),
  ),
} as const

type MutualTlsConfig = {
  readonly MTLS_PORT?: number
  readonly MTLS_HOST: string
  readonly MTLS_CERT_FILE?: string
  readonly MTLS_KEY_FILE?: string
  readonly MTLS_CLIENT_CA_FILE?: string
}

/** Certificates and keys as they are in the files. */
type Certificates = { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer | undefined }

/** Where and with what a service listens for clients with certificates. */
export type MutualTls = {
  readonly port: number
  readonly host: string
  /** Read now, and again when one of them has changed. @throws ConfigError */
  readonly read: () => Certificates
  readonly files: readonly (string | undefined)[]
}

const read = (name: string, path: string | undefined): Buffer => {
  if (path === undefined) throw new ConfigError([`${name}: expected a path, because MTLS_PORT is set`])
  try {
    return readFileSync(path)
  } catch {
    throw new ConfigError([`${name}: cannot be read`])
  }
}

/** Issuers of clients. Of a file that holds none TLS would say nothing, and let nobody in. */
const readIssuers = (path: string): Buffer => {
  const pem = read('MTLS_CLIENT_CA_FILE', path)
  try {
    void new X509Certificate(pem)
  } catch {
    throw new ConfigError(['MTLS_CLIENT_CA_FILE: holds no certificate'])
  }
  return pem
}

/** What the settings ask for; undefined without a port. @throws ConfigError */
export const mutualTlsOf = (config: MutualTlsConfig): MutualTls | undefined => {
  const { MTLS_PORT: port, MTLS_HOST: host, MTLS_CERT_FILE: cert, MTLS_KEY_FILE: key, MTLS_CLIENT_CA_FILE: ca } = config
  if (port === undefined) return undefined
  const readAll = (): Certificates => ({
    cert: read('MTLS_CERT_FILE', cert),
    key: read('MTLS_KEY_FILE', key),
    clientCa: ca === undefined ? undefined : readIssuers(ca),
  })
  readAll()
  return { port, host, read: readAll, files: [cert, key, ca] }
}

const contextOf = ({ cert, key, clientCa }: Certificates) =>
  ({
    cert,
    key,
    minVersion: 'TLSv1.3',
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    secureOptions: constants.SSL_OP_NO_TICKET,
  }) as const

/**
 * A server that asks clients for a certificate and answers as the plain one does. The handshake proves the key of a
 * certificate, whoever issued it; with `clientCa` a certificate of another issuer ends the connection. TLS 1.3 only, and no
 * session is resumed: each connection proves the key anew. Files are followed: a renewed certificate counts for connections
 * from a second later on; files that cannot be used change nothing and are logged.
 */
export const createMutualTlsServer = (
  { read: readAll, files }: MutualTls,
  handle: RequestListener,
  { limits, log }: { readonly limits?: Partial<EdgeLimits> | undefined; readonly log: Pick<Log, 'info' | 'warn'> },
): Server => {
  const first = readAll()
  const server = createEdgeServer(handle, limits, {
    ...contextOf(first),
    requestCert: true,
    rejectUnauthorized: first.clientCa !== undefined,
  }) as TlsServer
  const followed = new FollowedFiles(files)
  // Before the server's own listener, which takes the certificate for the handshake.
  server.prependListener('connection', () => {
    if (!followed.changed()) return
    try {
      server.setSecureContext(contextOf(readAll()))
      log.info({ files: files.length }, 'the certificates for mutual TLS were read again')
    } catch (error) {
      log.warn({ err: error }, 'the certificates for mutual TLS could not be read again, those of before stay')
    }
  })
  return server
}

/** Opens the port; its address, as clients reach it. */
export const listenMutualTls = (server: Server, { port, host }: MutualTls): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(`https://${host}:${(server.address() as AddressInfo).port}`)
    })
  })
