import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { run } from '@countersign/cli'
import { countersign as client } from '@countersign/client'
import { clientToken, startIdentityProvider } from '@countersign/loopback/identity-provider'
import { type SelfSigned, selfSigned } from '@countersign/loopback/self-signed'
import { eventStore } from '@countersign/event-store'
import { RegisterPerson } from '@countersign/notifier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from './instance/until.ts'
import { poolAs } from './pool-as.ts'
import { type Running, startRunning, startTimeoutMs } from './running.ts'

let running: Running
beforeAll(async () => {
  running = await startRunning({ bus: 'postgres', more: (_dataDir, port) => ['--mtls-port', String(port)] })
}, startTimeoutMs)
afterAll(() => running.stop())

/** The command against the running product; what it printed, and as JSON where it was asked for that. */
const countersign = async (...argv: string[]) => {
  let out = ''
  let err = ''
  const into = (keep: (text: string) => void) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        keep(chunk.toString())
        done()
      },
    })
  const exitCode = await run(argv, {
    streams: { stdout: into((text) => (out += text)), stderr: into((text) => (err += text)) },
    env: { XDG_CONFIG_HOME: running.dataDir, COUNTERSIGN_DATA_DIR: running.dataDir },
    signal: new AbortController().signal,
  })
  return { exitCode, out, err }
}
const shown = async (...argv: string[]) =>
  JSON.parse((await countersign(...argv, '--json')).out) as Record<string, unknown>

describe('the registers of a running product, by the command line', () => {
  it('take an agent with owner and key from one person and the review from another', async () => {
    const key = join(running.dataDir, 'load-bot.jwk.json')
    await writeFile(key, JSON.stringify(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })))
    const change = ['--producer', 'etl', '--owner-person', 'dana', '--executor-key', key, '--reason', 'nightly loads']
    expect(await countersign('agents', 'register', 'load-bot', ...change, '--as', 'dana')).toMatchObject({
      exitCode: 2,
    })
    expect(await countersign('agents', 'register', 'load-bot', ...change, '--as', 'ben')).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('load-bot is registered') as string,
    })
    const agent = await shown('agents', 'show', 'load-bot', '--as', 'dana')
    const [open] = agent['openChanges'] as { changeId: number }[]
    expect(agent).toMatchObject({ producer: 'etl', executorKey: { thumbprint: expect.any(String) as string } })
    const review = ['agents', 'review', 'load-bot', '--up-to', String(open?.changeId), '--reason', 'looked at it']
    expect((await countersign(...review, '--as', 'ben')).err).toContain('own_change')
    expect((await countersign(...review, '--as', 'dana')).out).toBe(`reviewed ${open?.changeId}\n`)
    expect((await countersign('agents', 'remove', 'load-bot', '--reason', 'no longer', '--as', 'ben')).exitCode).toBe(0)
    expect((await countersign('agents', 'list', '--as', 'ben')).out).not.toContain('load-bot')
  })

  it('show producers, people and seats as they were seeded, and change them', async () => {
    expect((await countersign('producers', 'list', '--as', 'ben')).out).toMatch(/etl .*reviewed/)
    expect((await countersign('people', 'list', '--group', 'operators', '--as', 'ben')).out).toMatch(
      /ben +Ben Ito +active/,
    )
    const grace = ['people', 'register', 'grace', '--name', 'Grace', '--reason', 'joined', '--as', 'ben']
    expect((await countersign(...grace)).exitCode).toBe(0)
    const seat = ['seats', 'add', 'data-owners', 'grace', '--reason', 'on call', '--as', 'ben']
    expect((await countersign(...seat)).out).toMatch(
      /^data-owners has 3 members\n.*countersign seats review data-owners\n$/,
    )
    const shown = (await countersign('seats', 'show', 'data-owners', '--as', 'ben')).out
    expect(shown).toMatch(/grace +Grace +active/)
    const upTo = /unreviewed +(\d+) by/.exec(shown)?.[1] ?? ''
    const review = ['seats', 'review', 'data-owners', '--up-to', upTo, '--reason', 'is a colleague', '--as']
    expect((await countersign(...review, 'ben')).err).toContain('own_change')
    expect((await countersign(...review, 'dana')).out).toBe(`reviewed ${upTo}\n`)
  })

  it('free a login that another tenant has, for the one it is of', async () => {
    const { rows } = await running.superuser.query<{ id: string }>(
      `select tenant_id as id from countersign.tenant where name = 'replay'`,
    )
    const theirs = poolAs(running, 'countersign_notifier')
    await new RegisterPerson(theirs, eventStore(theirs, { metadata: { service: 'notifier' } })).handle({
      tenantId: rows[0]?.id ?? '',
      issuer: running.credentials.issuer,
      subject: 'ivy',
      displayName: 'Ivy',
      active: true,
      changedBy: null,
      seeded: true,
    })
    await theirs.end()
    const ivy = ['people', 'register', 'ivy', '--name', 'Ivy', '--reason', 'joined', '--as', 'ben']
    expect((await countersign(...ivy)).err).toContain('countersign people free')
    const freeing = ['people', 'free', 'ivy', '--reason', 'ticket 4711', '--as']
    expect((await countersign(...freeing, 'dana')).err).toContain('not_allowed')
    const shown = await countersign(...freeing, 'ben', '--yes')
    expect([shown.exitCode, shown.out, shown.err]).toEqual([
      3,
      expect.stringMatching(/^replay {2}\S{36} {2}as \S{36}\n$/),
      expect.stringContaining('Name the tenant that has it wrongly with --tenant'),
    ])
    expect(await countersign(...freeing, 'ben', '--tenant', 'replay')).toMatchObject({ exitCode: 3 })
    const asJson = await countersign(...freeing, 'ben', '--json', '--yes')
    expect(JSON.parse(asJson.out)).toMatchObject({ tenants: [{ name: 'replay' }] })
    expect((await countersign(...freeing, 'ben', '--tenant', 'replay', '--yes')).out).toContain(
      'it is nobody in replay any more',
    )
    expect((await countersign(...ivy)).exitCode).toBe(0)
    expect((await countersign(...freeing, 'ben', '--tenant', 'replay', '--yes')).err).toContain('nothing was done')
  })
})

describe('an operator’s token that a program was given', () => {
  it.each([
    ['/v1/directory/groups', { group: 'night-desk' }],
    ['/v1/directory/groups/review', { name: 'data-owners', upTo: 1 }],
    ['/v1/directory/feed', { issuer: 'https://idp.example', subjectFrom: 'userName' }],
    ['/v1/agents/remove', { name: 'nobody' }],
    ['/v1/freezes', { scope: { kind: 'action', action: 'data.wipe' } }],
  ])('does nothing at %s', async (path, body) => {
    for (const clientId of ['etl-bot', 'etl-producer']) {
      const token = await running.mint.token({ sub: 'ben', client_id: clientId, auth_time: 1_700_000_000 })
      const { status, code } = await running.call(path, { token, body: { ...body, reason: 'trial' } })
      expect([clientId, status, code]).toEqual([clientId, 403, 'not_human'])
    }
  })
})

describe('the demo', () => {
  it('names the refusal that stops it, which the chat told one person alone, and what to do next', async () => {
    const reason = ['--reason', 'joined', '--as', 'ben']
    expect((await countersign('people', 'register', 'hal', '--name', 'Hal', ...reason)).exitCode).toBe(0)
    expect((await countersign('seats', 'add', 'data-owners', 'hal', ...reason)).exitCode).toBe(0)
    const { exitCode, err } = await countersign('demo')
    expect([exitCode, ...err.trim().split('\n')]).toEqual([
      2,
      'countersign: the demo stopped: Ben clicks Approve: "ticket 4711 checked"',
      expect.stringMatching(/expected a form for the reason, got nothing.*refused with policy_author: Who changed/),
      expect.stringMatching(/Somebody else of the group has to look\. npm run demo -- --data-dir/),
    ])
  })
})

describe('an executor with a client certificate', () => {
  const named = async (name: string) => {
    const made = selfSigned('etl-bot')
    const at = (ending: string) => join(running.dataDir, `${name}.${ending}`)
    await writeFile(at('crt'), made.cert)
    await writeFile(at('key'), made.key)
    return { ...made, options: ['--certificate', at('crt'), '--certificate-key', at('key')] }
  }
  const concrete = { action: 'data.read', target: 'orders', environment: 'production', parameters: { table: 'orders' } }
  /** The client that shows this certificate where the product takes them, as its credentials tell. */
  const clientWith = async ({ cert, key }: SelfSigned) => {
    const { url, caFile = '' } = running.credentials.mutualTls ?? {}
    const certificate = { url, cert, key, ca: await readFile(caFile) }
    return client({ baseUrl: running.baseUrl, token: async () => running.tokens.agent, certificate })
  }

  it('runs a command under a grant that is bound to it, and none where the server is not the one to trust', async () => {
    const { options, thumbprint } = await named('runs')
    const ran = join(running.dataDir, 'ran')
    const command = [process.execPath, '-e', `require('node:fs').appendFileSync(process.argv[1], 'x')`, ran]
    const exec = (...more: string[]) =>
      countersign('exec', '--action', 'data.read', '--target', 'orders', ...options, ...more)
    expect(await exec('--', ...command)).toMatchObject({ exitCode: 0 })
    const { rows } = await running.superuser.query<{ bound: string }>(
      `select data -> 'credential' ->> 'certificateThumbprint' as bound from countersign.event
       where type like '%.GrantIssued.v1' order by position desc limit 1`,
    )
    expect(rows).toEqual([{ bound: thumbprint }])
    expect(await exec('--ca', options[1] ?? '', '--', ...command)).toMatchObject({ exitCode: 40 })
    expect(await readFile(ran, 'utf8')).toBe('x')
  })

  it('is the only one that can use its grant', async () => {
    const [own, other] = [await named('own'), await named('other')]
    const bound = await clientWith(own)
    const { grant } = await bound.obtain({ agent: { name: 'etl-bot' }, ...concrete })
    await expect((await clientWith(other)).redeem(grant, concrete)).rejects.toMatchObject({
      code: 'certificate_mismatch',
    })
    await expect(running.client.redeem(grant, concrete)).rejects.toMatchObject({ code: 'certificate_missing' })
    await expect(bound.redeem(grant, concrete)).resolves.toMatchObject({ grantId: grant.grantId })
  })
})

describe('the freeze credential', () => {
  it('is made anew and withdrawn without a start', async () => {
    const freeze = async (credential: string) => {
      const options = { method: 'POST', token: credential, body: { scope: { kind: 'action', action: 'data.wipe' } } }
      const { status, code } = await running.call('/v1/emergency-freezes', options)
      return status === 201 ? 'frozen' : code
    }
    const renew = async () => (await countersign('freeze-credential', 'renew')).out.trim()
    const [former, current] = [await renew(), await renew()]
    expect([await freeze(current), await freeze(former)]).toEqual(['frozen', 'freeze_credential_invalid'])
    expect((await countersign('freeze-credential', 'withdraw')).exitCode).toBe(0)
    await until(async () => (await freeze(current)) !== 'frozen', { what: 'the end of the credential' })
    expect((await countersign('freeze-credential', 'renew', '--data-dir', 'elsewhere')).exitCode).toBe(1)
  })
})

describe('a second issuer', () => {
  it(
    'speaks for its own within seconds after it was connected, and no more after it was taken out, without a start',
    async () => {
      const client = { clientId: 'ci', clientSecret: 'a-secret-of-the-ci-system' }
      const audience = 'https://countersign.example'
      const ci = await startIdentityProvider({ port: 0, people: [], clients: [{ kind: 'agent', ...client }], audience })
      try {
        const token = await clientToken({ issuer: ci.issuer, ...client, audience })
        const ask = async () => (await running.call('/v1/intents/none', { token })).code
        expect(await ask()).toBe('token_invalid')
        const connect = ['idp', 'connect', ci.issuer, '--speaks-for', 'agents', '--audience', audience]
        expect((await countersign(...connect)).exitCode).toBe(0)
        const producer = [
          'producers',
          'register',
          'ci',
          '--client',
          'ci',
          '--issuer',
          ci.issuer,
          '--owner-person',
          'dana',
        ]
        await until(async () => (await ask()) !== 'token_invalid', { what: 'the trust in the new issuer' })
        expect((await countersign(...producer, '--reason', 'deploys', '--as', 'ben')).exitCode).toBe(0)
        expect(await ask()).toBe('not_found')
        await writeFile(join(running.dataDir, 'issuers.json'), '{"issuers": []}')
        await until(async () => (await ask()) === 'token_invalid', { what: 'the end of that trust' })
      } finally {
        await ci.stop()
      }
    },
    startTimeoutMs,
  )
})
