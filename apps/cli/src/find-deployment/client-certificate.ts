import { readFile } from 'node:fs/promises'
import type { ClientCertificate } from '@countersign/client'
import { Option } from 'commander'
import { Failure } from '../exit-codes.ts'
import type { Credentials } from './credentials.ts'

/** Options of commands that collect or use grants; each has a variable of the environment, too. */
export type CertificateOptions = {
  readonly certificate?: string
  readonly certificateKey?: string
  readonly ca?: string
  readonly mtlsUrl?: string
}

export const certificateOptions = (): readonly Option[] => [
  new Option('--certificate <file>', 'bind the grant to this client certificate, PEM (COUNTERSIGN_CERTIFICATE_FILE)'),
  new Option('--certificate-key <file>', 'its private key, PEM (COUNTERSIGN_CERTIFICATE_KEY_FILE)'),
  new Option('--ca <file>', 'issuers of the deployment’s certificate, PEM (COUNTERSIGN_CA_FILE)'),
  new Option('--mtls-url <url>', 'where the deployment takes client certificates (COUNTERSIGN_MTLS_URL)'),
]

type Where = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly baseUrl: string
  /** Of the instance whose data folder is here, if it is the one that is talked to. */
  readonly known: Credentials['mutualTls']
}

/**
 * The client certificate that grants are bound to; undefined where none is named. Where it is shown and whom to trust there is
 * known of an instance whose data folder is here. @throws Failure for a file that cannot be read, and where it is not known
 * where to show it: a grant is never collected without the certificate instead
 */
export const readCertificate = async (
  options: CertificateOptions,
  { env, baseUrl, known }: Where,
): Promise<ClientCertificate | undefined> => {
  const certFile = options.certificate ?? env['COUNTERSIGN_CERTIFICATE_FILE']
  const keyFile = options.certificateKey ?? env['COUNTERSIGN_CERTIFICATE_KEY_FILE']
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined || keyFile === undefined)
    throw new Failure('a client certificate needs its key', {
      next: 'Give both: --certificate and --certificate-key.',
    })
  const caFile = options.ca ?? env['COUNTERSIGN_CA_FILE'] ?? known?.caFile
  const url = options.mtlsUrl ?? env['COUNTERSIGN_MTLS_URL'] ?? known?.url ?? baseUrl
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new Failure('it is not known where this deployment takes client certificates', {
      why: 'that is an https address, of its MTLS_PORT',
      next: 'Set --mtls-url or COUNTERSIGN_MTLS_URL; npm start takes them with --mtls-port.',
    })
  return {
    url,
    cert: await read('the client certificate', certFile),
    key: await read('the key of the client certificate', keyFile),
    ...(caFile === undefined ? {} : { ca: await read('the issuers of --ca', caFile) }),
  }
}

const read = (what: string, path: string): Promise<Buffer> =>
  readFile(path).catch((error: unknown) => {
    throw new Failure(`${what} cannot be read`, { why: (error as NodeJS.ErrnoException).code })
  })
