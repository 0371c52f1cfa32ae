import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const days = '3650'
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Files of one certificate: `<name>.crt`, `<name>.key` (0600) and, for the broker, both with the CA in one. */
export interface Authority {
  readonly caFile: string
  /** A certificate with this common name, made when it is not there; answers its files. */
  issue(name: string): Promise<{ readonly certFile: string; readonly keyFile: string }>
  /** Key, certificate and CA of the broker in one PEM file, as Kafka reads them. */
  brokerPem(): Promise<string>
}

/**
 * A certificate authority of this machine's broker alone, kept in the folder; made when it is not there. Broker and
 * clients get certificates for `localhost` and 127.0.0.1.
 */
export const openAuthority = async (folder: string): Promise<Authority> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const at = (name: string): string => join(folder, name)
  if (!existsSync(at('ca.crt'))) {
    const subject = ['-x509', '-days', days, '-subj', '/CN=Countersign local CA']
    const uses = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
    await run('openssl', ['req', ...newKey, ...subject, ...uses, '-keyout', at('ca.key'), '-out', at('ca.new')])
    await rename(at('ca.new'), at('ca.crt'))
  }
  const issue = async (name: string) => {
    const files = { certFile: at(`${name}.crt`), keyFile: at(`${name}.key`) }
    if (existsSync(files.certFile)) return files
    const [request, extensions, draft] = [at(`${name}.csr`), at(`${name}.ext`), at(`${name}.new`)]
    await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
    await run('openssl', ['req', ...newKey, '-subj', `/CN=${name}`, '-keyout', files.keyFile, '-out', request])
    const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial']
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      request,
      ...signer,
      '-days',
      days,
      '-extfile',
      extensions,
      '-out',
      draft,
    ])
    await rename(draft, files.certFile)
    await Promise.all([rm(request), rm(extensions)])
    return files
  }
  return {
    caFile: at('ca.crt'),
    issue,
    brokerPem: async () => {
      const { certFile, keyFile } = await issue('broker')
      const parts = await Promise.all([keyFile, certFile, at('ca.crt')].map((file) => readFile(file, 'utf8')))
      await writeFile(at('broker.pem'), parts.join(''), { mode: 0o600 })
      return at('broker.pem')
    },
  }
}
