import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRefusal, type GrantView, type ReceiptView } from '@countersign/contracts'
import { createLog } from '@countersign/service-kit'
import { compactVerify, createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from './intake.fixture.ts'
import { IssueGrant } from './issue-grant/issue-grant.handler.ts'
import { ActivePolicy } from './active-policy.ts'
import { RedeemGrant } from './redeem-grant/redeem-grant.handler.ts'
import { followGrantKeys, type GrantKeys, type JsonWebKeyPublic } from './signing-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'signing-key-spec-'))
let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(async () => {
  await bench.close()
  rmSync(folder, { recursive: true })
})

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}
const newKeyFile = (name: string): string =>
  file(name, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
const beside = (...keys: readonly JsonWebKeyPublic[]): string => file('beside.json', JSON.stringify({ keys }))

const quiet = createLog({ service: 'intake', level: 'silent' })
const grantKeysOf = (signing: string, verifying?: string): GrantKeys => followGrantKeys({ signing, verifying }, quiet)

type Intake = ReturnType<typeof intakeWith>
/** Intake's handlers, as an intake with these keys has them. */
const intakeWith = (keys: GrantKeys) => {
  const issuer = 'https://countersign.example'
  const base = { pool: bench.pool, store: bench.events, keyring: bench.keys, keys, issuer }
  return {
    issue: new IssueGrant({ ...base, policy: new ActivePolicy() }),
    redeem: new RedeemGrant({ ...base, reportWithinMs: 60_000 }),
  }
}
const redeemed = async ({ redeem }: ReturnType<typeof intakeWith>, grant: GrantView): Promise<ReceiptView> => {
  const { action, target, environment, parameters } = bench.body()
  const body = { token: grant.token, redemptionId: bench.newId(), action, target, environment, parameters }
  const receipt = await redeem.handle(bench.caller, grant.grantId, body)
  if (isRefusal(receipt)) throw new Error(receipt.code)
  return receipt
}
const collected = async ({ issue }: ReturnType<typeof intakeWith>): Promise<GrantView> => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId)
  const grant = await issue.handle(bench.caller, intentId)
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}
/** `ROTATED_GRANTS=1000` is the nightly run. */
const inFlight = Number(process.env['ROTATED_GRANTS'] ?? 80)
const withinMs = 60_000 + inFlight * 200
const half = <T>(make: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: inFlight / 2 }, make))

describe('keys that are rotated while grants are in flight', () => {
  it(
    `fail none of ${inFlight} redemptions in intakes that go on running, and every receipt verifies by the published set`,
    async () => {
      const [signing, next] = [newKeyFile('signing.pem'), newKeyFile('next.pem')]
      const verifying = beside()
      const started = () => followGrantKeys({ signing, verifying }, quiet)
      const keys = [started(), started()] as const
      const former = keys[0].current
      const intakes = keys.map(intakeWith) as [Intake, Intake]
      const byFormer = await half(() => collected(intakes[0]))
      // As `countersign keys rotate` does: published first, then it signs.
      beside(grantKeysOf(next).current.jwk, former.jwk)
      renameSync(next, signing)
      const fresh = intakeWith(started())
      const byNext = await half(() => collected(fresh))
      // Both intakes read their files less than a second ago at most, and meet grants of a key that they do not know.
      const receipts = await Promise.all(
        [...byNext, ...byFormer].map((grant, at) => redeemed(intakes[at % 2] ?? fresh, grant)),
      )
      expect(receipts).toHaveLength(inFlight)
      const { published, current } = started()
      const keySet = createLocalJWKSet({ keys: [...published] })
      const signers = await Promise.all(
        receipts.map(async ({ receipt }) => (await compactVerify(receipt, keySet)).protectedHeader.kid),
      )
      for (const kid of signers) expect([former.kid, current.kid]).toContain(kid)
      expect(current.kid).not.toBe(former.kid)
      for (const running of keys) await expect.poll(() => running.current.kid, { timeout: 20_000 }).toBe(current.kid)
    },
    withinMs,
  )

  it('are found by all who verify at once when nobody has read the files since', async () => {
    const [signing, next] = [newKeyFile('before.pem'), newKeyFile('after.pem')]
    const keys = followGrantKeys({ signing }, quiet)
    const { kid } = grantKeysOf(next).current
    renameSync(next, signing)
    const find = async () => keys.find({ alg: 'EdDSA', kid }, { payload: '', signature: '' })
    expect(await Promise.all([find(), find(), find()])).toHaveLength(3)
  })

  it('stay those of before while a file cannot be used, which is told once', async () => {
    const signing = newKeyFile('kept.pem')
    const told: string[] = []
    const log = { info: () => told.push('read'), warn: () => told.push('not read') }
    const keys = followGrantKeys({ signing }, log as never)
    const { kid } = keys.current
    writeFileSync(signing, 'no key')
    await expect.poll(() => [keys.current.kid, told.length], { timeout: 20_000 }).toEqual([kid, 1])
    newKeyFile('kept.pem')
    await expect.poll(() => keys.current.kid, { timeout: 20_000 }).not.toBe(kid)
    expect(told).toEqual(['not read', 'read'])
  })

  it('end with the former key: its tokens are refused, and collecting again signs the same grant anew', async () => {
    const before = intakeWith(grantKeysOf(newKeyFile('retired.pem')))
    const after = intakeWith(grantKeysOf(newKeyFile('only.pem')))
    const grant = await collected(before)
    await expect(redeemed(after, grant)).rejects.toThrow('grant_token_invalid')
    const again = await after.issue.handle(bench.caller, grant.intentId)
    if (isRefusal(again)) throw new Error(again.code)
    expect(again.grantId).toBe(grant.grantId)
    expect((await redeemed(after, again)).grantId).toBe(grant.grantId)
  })
})

describe('a file of verification keys', () => {
  const x = 'A'.repeat(43)
  it.each([
    ['a key with its private half', { kty: 'OKP', crv: 'Ed25519', x, d: x }],
    ['a key of another curve', { kty: 'OKP', crv: 'X25519', x }],
    ['a key of RSA', { kty: 'RSA', n: x, e: 'AQAB' }],
  ])('with %s is refused', (_what, key) => {
    const path = file('bad.json', JSON.stringify({ keys: [key] }))
    expect(() => grantKeysOf(newKeyFile('k.pem'), path)).toThrow('verification key')
  })

  it('names its keys by what they are, whatever it calls them', () => {
    const { current } = grantKeysOf(newKeyFile('other.pem'))
    const path = file('named.json', JSON.stringify({ keys: [{ ...current.jwk, kid: 'mine' }, current.jwk] }))
    const { published } = grantKeysOf(newKeyFile('k.pem'), path)
    expect(published.slice(1).map(({ kid }) => kid)).toEqual([current.kid, current.kid])
  })
})
