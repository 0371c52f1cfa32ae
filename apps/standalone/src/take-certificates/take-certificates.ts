import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Environment } from '@countersign/service-kit'
import { selfSigned } from '@countersign/loopback/self-signed'
import type { DataDir } from '../open-data-dir/open-data-dir.ts'

/** Where executors show client certificates, and by what the server is known there. */
export type CertificateOptions = {
  readonly mtlsPort?: number
  readonly mtlsCert?: string
  readonly mtlsKey?: string
  readonly mtlsClientCa?: string
}

/** What clients need to reach it. */
export type CertificatesTaken = {
  readonly url: string
  /** Whom they have to trust; undefined for a certificate of yours. */
  readonly caFile: string | undefined
  /** Settings of intake. */
  readonly settings: Environment
}

const tenYearsMs = 10 * 365 * 86_400_000

const write = (path: string, content: string): void => {
  writeFileSync(`${path}.new`, content, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** A certificate of this data folder for loopback, made on first use. It signed itself: clients are given it to trust. */
const ownCertificate = ({ path }: DataDir): { readonly cert: string; readonly key: string } => {
  const files = { cert: join(path, 'keys', 'mtls.crt'), key: join(path, 'keys', 'mtls.key') }
  if (!existsSync(files.cert) || !existsSync(files.key)) {
    const made = selfSigned('countersign', { hosts: ['localhost', '127.0.0.1'], goodForMs: tenYearsMs })
    // The certificate last: without it both are made anew, so that they always belong together.
    write(files.key, made.key)
    write(files.cert, made.cert)
  }
  chmodSync(files.key, 0o600)
  return files
}

/**
 * What `--mtls-port` and its options ask for; undefined without a port. @throws Error when only one of certificate and key is
 * named, or anything is named without a port
 */
export const certificatesTaken = (options: CertificateOptions, dataDir: DataDir): CertificatesTaken | undefined => {
  const { mtlsPort: port, mtlsCert: cert, mtlsKey: key, mtlsClientCa: clientCa } = options
  if (port === undefined) {
    if (cert !== undefined || key !== undefined || clientCa !== undefined)
      throw new Error('--mtls-cert, --mtls-key and --mtls-client-ca go with --mtls-port')
    return undefined
  }
  if ((cert === undefined) !== (key === undefined)) throw new Error('--mtls-cert and --mtls-key go together')
  const own = cert === undefined || key === undefined ? ownCertificate(dataDir) : undefined
  return {
    url: `https://127.0.0.1:${port}`,
    caFile: own?.cert,
    settings: {
      MTLS_PORT: String(port),
      MTLS_CERT_FILE: own?.cert ?? resolve(cert ?? ''),
      MTLS_KEY_FILE: own?.key ?? resolve(key ?? ''),
      ...(clientCa === undefined ? {} : { MTLS_CLIENT_CA_FILE: resolve(clientCa) }),
    },
  }
}
