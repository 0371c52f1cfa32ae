import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type Conduct, honest, startDeployment } from '@countersign/client/deployment-fixture'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../run.ts'

let folder: string
let stop: (() => Promise<void>) | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-exec-'))
})
afterEach(async () => {
  await stop?.()
  await rm(folder, { recursive: true, force: true })
})

/** Runs `countersign exec`; the script of the command may write to the file that it is told. */
const exec = async (script: string, { bent = {}, flags = [] }: { bent?: Partial<Conduct>; flags?: string[] } = {}) => {
  const deployment = await startDeployment({ ...honest, ...bent })
  stop = deployment.stop
  const told: string[] = []
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      told.push(chunk.toString())
      done()
    },
  })
  const file = join(folder, 'ran')
  const argv = ['exec', '--action', 'data.export', '--target', 'customers', '--agent', 'etl-bot', ...flags]
  const exitCode = await run([...argv, '--', process.execPath, '-e', script, file], {
    streams: { stdout: stderr, stderr },
    signal: new AbortController().signal,
    env: {
      PATH: process.env['PATH'],
      SECRET_OF_THE_AGENT: 'not passed on',
      PGPASSWORD: 'passed on',
      COUNTERSIGN_DATA_DIR: folder,
      COUNTERSIGN_URL: deployment.baseUrl,
      COUNTERSIGN_ISSUER: deployment.baseUrl,
      COUNTERSIGN_AUDIENCE: 'urn:test',
      COUNTERSIGN_CLIENT_ID: 'etl-bot',
      COUNTERSIGN_CLIENT_SECRET: 'secret',
      XDG_CONFIG_HOME: folder,
    },
  })
  const ran = await readFile(file, 'utf8').catch(() => undefined)
  return { exitCode, told: told.join(''), ran, deployment }
}

const refusesToPublish: Conduct['instead'] = (path) =>
  path === '/v1/intents' ? { status: 403, code: 'not_allowed' } : undefined

const write = (expression: string) => `require('node:fs').writeFileSync(process.argv[1], ${expression})`

describe('countersign exec', () => {
  it('runs the command under a verified receipt, reports it and exits with its code', async () => {
    const { exitCode, ran, told, deployment } = await exec(`${write("'ran'")}; process.exit(7)`)
    expect([exitCode, ran]).toEqual([7, 'ran'])
    expect(told).toContain('receipt verified')
    expect(deployment.reports).toMatchObject([
      { outcome: 'started' },
      { outcome: 'failed', exitCode: 7, code: 'nonzero_exit' },
    ])
  })

  it('binds the command line, the folder and the names of its variables, never their values', async () => {
    const { deployment } = await exec(write("''"), { flags: ['--env', 'PGPASSWORD'] })
    const [body] = deployment.bodies()
    expect(body?.parameters).toMatchObject({ cwd: process.cwd(), environmentNames: ['PATH', 'PGPASSWORD'] })
    expect(body?.parameters['command']).toEqual([process.execPath, '-e', write("''"), join(folder, 'ran')])
    expect(JSON.stringify(body)).not.toContain('passed on')
  })

  it('gives the command the variables that were approved and no others', async () => {
    const { ran } = await exec(write('JSON.stringify(process.env)'), { flags: ['--env', 'PGPASSWORD'] })
    const env = JSON.parse(ran ?? '{}') as Record<string, string>
    expect([env['PGPASSWORD'], env['SECRET_OF_THE_AGENT'], env['COUNTERSIGN_CLIENT_SECRET']]).toEqual([
      'passed on',
      undefined,
      undefined,
    ])
  })

  it.each<[string, Partial<Conduct>, number, string]>([
    ['denied', { decision: () => ({ state: 'denied', code: 'policy_denied', rules: ['never'] }) }, 2, 'by never'],
    ['undecided', { decision: () => ({ state: 'in_review' }) }, 3, 'nobody has decided yet'],
    ['not proven', { signsWithForeignKey: true }, 40, 'could not be verified'],
    ['another action', { grant: (grant) => ({ ...grant, actionDigest: `sha256:${'0'.repeat(64)}` }) }, 40, 'another'],
    ['refused', { instead: refusesToPublish }, 2, 'not_allowed'],
    ['broken', { instead: (path) => (path === '/v1/intents' ? 'cut' : undefined) }, 1, 'did not answer'],
  ])('runs nothing when it is %s', async (_name, bent, expected, text) => {
    const { exitCode, ran, told } = await exec(write("'ran'"), { bent, flags: ['--wait', '50ms'] })
    expect([exitCode, ran]).toEqual([expected, undefined])
    expect(told).toContain(text)
  })

  it('asks nobody about a command that is not there, or a variable that is not set', async () => {
    const { exitCode, told, deployment } = await exec(write("''"), { flags: ['--env', 'NOT_SET'] })
    expect([exitCode, deployment.bodies()]).toEqual([1, []])
    expect(told).toContain('not set: NOT_SET')
  })

  it('says how a command was ended by a signal', async () => {
    const { exitCode, deployment } = await exec("process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)")
    expect(exitCode).toBe(143)
    expect(deployment.reports.at(-1)).toMatchObject({ outcome: 'failed', exitCode: 143, code: 'signalled' })
  })
})
