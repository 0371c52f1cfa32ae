import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The release that is tried, and the bytes that it must be. */
export const keycloakVersion = '26.7.0'
const archiveSha256 = 'e63bd0167199c0092b8a4d22cc137e6b7a70e0089070f6f7799b1be504b69a8a'
const artifact = `org.keycloak:keycloak-quarkus-dist:${keycloakVersion}:zip`
const startsWithinMs = 400_000

export type Keycloak = {
  readonly issuer: string
  /** A request to the admin API; `path` is below the realm. */
  admin(path: string, body?: object, method?: string): Promise<unknown>
  stop(): Promise<void>
}

/** Keycloak unpacked below the data folder of this clone, fetched with Maven when it is not there. */
const fetchKeycloak = async (): Promise<string> => {
  const cache = join(import.meta.dirname, '../../..', '.countersign', 'keycloak')
  const home = join(cache, `keycloak-${keycloakVersion}`)
  if (existsSync(home)) return home
  const fresh = join(cache, 'fresh')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  // Maven leaves marks where it runs.
  const maven = (goal: string) =>
    run('mvn', ['-q', '-B', '-C', goal, `-Dartifact=${artifact}`, `-DoutputDirectory=${fresh}`], { cwd: fresh })
  await maven('dependency:copy')
  const archive = join(fresh, `keycloak-quarkus-dist-${keycloakVersion}.zip`)
  const hash = createHash('sha256')
  await pipeline(createReadStream(archive), hash)
  if (hash.digest('hex') !== archiveSha256) throw new Error('the archive of Keycloak is not the pinned one')
  await maven('dependency:unpack')
  await rename(join(fresh, `keycloak-${keycloakVersion}`), home)
  await rm(fresh, { recursive: true })
  return home
}

/** A Keycloak in development mode with one realm, in memory. Java 17 or later and Maven have to be there. */
export const startKeycloak = async (
  realm: { readonly realm: string },
  { port, environment }: { readonly port: number; readonly environment: Readonly<Record<string, string>> },
): Promise<Keycloak> => {
  const home = await fetchKeycloak()
  const imports = join(home, 'data', 'import')
  await mkdir(imports, { recursive: true })
  await writeFile(join(imports, 'realm.json'), JSON.stringify(realm))
  const password = 'the trial’s own'
  const args = [
    'start-dev',
    '--db',
    'dev-mem',
    '--import-realm',
    '--http-host',
    '127.0.0.1',
    '--http-port',
    String(port),
  ]
  const child = spawn('sh', [join(home, 'bin', 'kc.sh'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, because the script starts Java.
    detached: true,
    env: {
      ...process.env,
      ...environment,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: password,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  }
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
  }
  process.once('exit', end)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const origin = `http://127.0.0.1:${port}`
  const issuer = `${origin}/realms/${realm.realm}`
  const deadline = Date.now() + startsWithinMs
  const isUp = () =>
    fetch(`${issuer}/.well-known/openid-configuration`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isUp())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      end()
      throw new Error(`Keycloak did not start:\n${said.split('\n').slice(-10).join('\n')}`)
    }
    await sleep(500)
  }
  const adminToken = async (): Promise<string> => {
    const fields = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password }
    const answer = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams(fields),
    })
    return ((await answer.json()) as { access_token: string }).access_token
  }
  return {
    issuer,
    admin: async (path, body, method = body === undefined ? 'GET' : 'POST') => {
      const answer = await fetch(`${origin}/admin/realms/${realm.realm}${path}`, {
        method,
        headers: { authorization: `Bearer ${await adminToken()}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
      const text = await answer.text()
      return text === '' ? undefined : (JSON.parse(text) as unknown)
    },
    stop: async () => {
      end()
      await exited
      process.off('exit', end)
    },
  }
}
