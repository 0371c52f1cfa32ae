import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRefusal, type GrantView, type ReceiptView } from '@countersign/contracts'
import { compactVerify, createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from './intake.fixture.ts'
import { IssueGrant } from './issue-grant/issue-grant.handler.ts'
import { ActivePolicy } from './active-policy.ts'
import { RedeemGrant } from './redeem-grant/redeem-grant.handler.ts'
import { readGrantKeys, type GrantKeys, type JsonWebKeyPublic } from './signing-key.ts'

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

/** Intake's handlers, as an intake with these keys has them. */
const intakeWith = (keys: GrantKeys) => {
  const issuer = 'https://countersign.example'
  const base = { store: bench.events, keyring: bench.keys, keys, issuer }
  return {
    issue: new IssueGrant({ ...base, policy: new ActivePolicy() }),
    redeem: new RedeemGrant({ ...base, pool: bench.pool, reportWithinMs: 60_000 }),
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
    `fail none of ${inFlight} redemptions, before, during and after, and every receipt verifies by the published set`,
    async () => {
      const [oldFile, newFile] = [newKeyFile('old.pem'), newKeyFile('new.pem')]
      const next = readGrantKeys(newFile, undefined).current.jwk
      // Prepared: the old key signs, the next is known. Rotated: the new one signs, the former is known.
      const prepared = readGrantKeys(oldFile, beside(next))
      const rotated = readGrantKeys(newFile, beside(prepared.current.jwk))
      const [before, after] = [intakeWith(prepared), intakeWith(rotated)]
      const [byOld, byNew] = [await half(() => collected(before)), await half(() => collected(after))]
      // Each intake meets grants of both: they are restarted one after the other.
      const receipts = await Promise.all([
        ...byOld.map((grant, at) => redeemed(at % 2 === 0 ? before : after, grant)),
        ...byNew.map((grant, at) => redeemed(at % 2 === 0 ? before : after, grant)),
      ])
      expect(receipts).toHaveLength(inFlight)
      const keySet = createLocalJWKSet({ keys: [...rotated.published] })
      const signers = await Promise.all(
        receipts.map(async ({ receipt }) => (await compactVerify(receipt, keySet)).protectedHeader.kid),
      )
      expect(new Set(signers)).toEqual(new Set([prepared.current.kid, rotated.current.kid]))
    },
    withinMs,
  )

  it('end with the former key: its tokens are refused, and collecting again signs the same grant anew', async () => {
    const before = intakeWith(readGrantKeys(newKeyFile('retired.pem'), undefined))
    const after = intakeWith(readGrantKeys(newKeyFile('only.pem'), undefined))
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
    expect(() => readGrantKeys(newKeyFile('k.pem'), path)).toThrow('verification key')
  })

  it('names its keys by what they are, whatever it calls them', () => {
    const { current } = readGrantKeys(newKeyFile('other.pem'), undefined)
    const path = file('named.json', JSON.stringify({ keys: [{ ...current.jwk, kid: 'mine' }, current.jwk] }))
    const { published } = readGrantKeys(newKeyFile('k.pem'), path)
    expect(published.slice(1).map(({ kid }) => kid)).toEqual([current.kid, current.kid])
  })
})
