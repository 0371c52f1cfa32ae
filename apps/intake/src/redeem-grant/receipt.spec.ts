import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '@countersign/service-kit'
import { followGrantKeys } from '../signing-key.ts'
import { signReceipt } from './receipt.ts'

const example = (name: string): string => fileURLToPath(new URL(`../../../../docs/examples/${name}`, import.meta.url))
const runs = (command: string, ...argv: string[]): boolean => spawnSync(command, argv, { stdio: 'ignore' }).status === 0
const go = ['go', '/usr/local/go/bin/go'].find((command) => runs(command, 'version'))
const hasPython = runs('python3', '-c', 'import cryptography')
if (go === undefined) process.stderr.write('LEFT OUT: the receipt example in Go. Go is not installed.\n')
if (!hasPython) process.stderr.write('LEFT OUT: the receipt example in Python. It needs python3 with cryptography.\n')

const folder = mkdtempSync(join(tmpdir(), 'receipt-spec-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content, { mode: 0o600 })
  return join(folder, name)
}
const newKeys = (name: string) => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  return followGrantKeys({ signing: file(name, pem.toString()) }, createLog({ service: 'intake', level: 'silent' }))
}

const actionDigest = `sha256:${'a'.repeat(64)}`
const redeemed = {
  intentId: '0199f1f0-7a1c-7000-8000-000000000001',
  grantId: '0199f1f0-7a1c-7000-8000-000000000002',
  redemptionId: '0199f1f0-7a1c-7000-8000-000000000003',
  receiptId: '0199f1f0-7a1c-7000-8000-000000000004',
  actionDigest,
  redeemedAt: '2026-11-22T07:00:00.000Z',
  reportBefore: '2026-11-22T08:00:00.000Z',
}

describe.each([
  ['Go', go !== undefined, () => [join(folder, 'verify-receipt')]],
  ['Python', hasPython, () => ['python3', example('verify-receipt.py')]],
] as const)('the example in %s', (language, isHere, command) => {
  const [own, other] = [newKeys(`${language}-own.pem`), newKeys(`${language}-other.pem`)]
  const keySet = file(`${language}.json`, JSON.stringify({ keys: [...other.published, ...own.published] }))
  const foreignSet = file(`${language}-foreign.json`, JSON.stringify({ keys: other.published }))
  let receipt = ''
  beforeAll(async () => {
    receipt = await signReceipt(own.current, 'https://countersign.example', redeemed)
    if (language === 'Go' && go !== undefined)
      execFileSync(go, ['build', '-o', join(folder, 'verify-receipt'), example('verify-receipt.go')])
  }, 180_000)

  const verify = (keys: string, token: string, digest = actionDigest) => {
    const [program = '', ...argv] = command()
    return spawnSync(program, [...argv, keys, file('receipt.jwt', `${token}\n`), digest], { encoding: 'utf8' })
  }

  it.runIf(isHere)('verifies what intake signs, by the key that it names', () => {
    const { status, stdout, stderr } = verify(keySet, receipt)
    expect([status, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ grant_id: redeemed.grantId, action_digest: actionDigest })
  })

  it.runIf(isHere).each<[string, () => readonly [string, string, string?]]>([
    ['for another action', () => [keySet, receipt, `sha256:${'b'.repeat(64)}`]],
    ['by a key that is not in the set', () => [foreignSet, receipt]],
    ['with a changed byte', () => [keySet, receipt.replace(/\.(.)/, (_all, first) => (first === 'e' ? '.f' : '.e'))]],
    ['without a signature', () => [keySet, `${receipt.split('.').slice(0, 2).join('.')}.`]],
    ['that is nothing', () => [keySet, 'x']],
  ])('refuses one %s', (_what, make) => {
    const { status, stdout } = verify(...make())
    expect(status).toBe(1)
    expect(stdout).toBe('')
  })
})
