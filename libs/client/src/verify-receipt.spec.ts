import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { ProofInvalid } from './errors.ts'
import { verifyReceipt } from './verify-receipt.ts'

const facts = {
  jti: '0199f1f0-7a1c-7000-8000-000000000001',
  grant_id: '0199f1f0-7a1c-7000-8000-000000000002',
  intent_id: '0199f1f0-7a1c-7000-8000-000000000003',
  redemption_id: '0199f1f0-7a1c-7000-8000-000000000004',
  action_digest: `sha256:${'a'.repeat(64)}`,
  redeemed_at: '2026-11-22T07:00:00.000Z',
  report_before: '2026-11-22T08:00:00.000Z',
  iss: 'https://countersign.example',
}
const keys = { own: await generateKeyPair('Ed25519'), former: await generateKeyPair('Ed25519') }
let keySet: JSONWebKeySet
beforeAll(async () => {
  keySet = {
    keys: await Promise.all(
      Object.entries(keys).map(async ([kid, { publicKey }]) => ({
        ...(await exportJWK(publicKey)),
        kid,
        alg: 'EdDSA',
      })),
    ),
  }
})

const sign = (claims: object = {}, header: object = {}, key: keyof typeof keys = 'own'): Promise<string> =>
  new SignJWT({ ...facts, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'countersign-receipt+jwt', kid: key, ...header })
    .setIssuedAt()
    .sign(keys[key].privateKey)

describe('a receipt', () => {
  it('is verified by a saved key set, a former key’s too, and nobody is called', async () => {
    const call = vi.spyOn(globalThis, 'fetch')
    const expected = { issuer: facts.iss, actionDigest: facts.action_digest, grantId: facts.grant_id }
    await expect(verifyReceipt(await sign(), keySet, expected)).resolves.toEqual({
      receiptId: facts.jti,
      grantId: facts.grant_id,
      intentId: facts.intent_id,
      redemptionId: facts.redemption_id,
      actionDigest: facts.action_digest,
      redeemedAt: facts.redeemed_at,
      reportBefore: facts.report_before,
      issuer: facts.iss,
    })
    await expect(verifyReceipt(await sign({}, {}, 'former'), keySet)).resolves.toBeDefined()
    expect(call).not.toHaveBeenCalled()
    call.mockRestore()
  })

  it.each([
    ['issuer', 'https://elsewhere.example'],
    ['actionDigest', `sha256:${'b'.repeat(64)}`],
    ['grantId', facts.intent_id],
    ['intentId', facts.grant_id],
    ['redemptionId', facts.grant_id],
  ])('about another %s is not the one that was expected', async (name, value) => {
    await expect(verifyReceipt(await sign(), keySet, { [name]: value })).rejects.toThrow(ProofInvalid)
  })

  it.each<[string, () => Promise<string>]>([
    ['of another type, such as a grant', () => sign({}, { typ: 'countersign-grant+jwt' })],
    ['by a key that the set does not have', () => sign({}, { kid: 'unknown' })],
    ['by another key than it names', () => sign({}, { kid: 'former' })],
    ['without its digest', () => sign({ action_digest: undefined })],
    ['with a changed byte', async () => (await sign()).replace(/.(?=\.[^.]*$)/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['that is nothing', async () => 'x'],
    ['signed by nobody', async () => `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(facts))}.`],
  ])('%s is refused', async (_what, make) => {
    await expect(verifyReceipt(await make(), keySet)).rejects.toThrow(ProofInvalid)
  })
})
