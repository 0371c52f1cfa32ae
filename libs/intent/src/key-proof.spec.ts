import { isRefusal, type RefusalCode } from '@countersign/contracts'
import { describe, expect, it } from 'vitest'
import { decide, evolve, foldIntent, type IntentCommand, type IntentStream } from './index.ts'
import { at, claims, collect, evaluate, intentPublished, keyed, keyless, redeem } from './intent.fixture.ts'
import type { KeyProof, ShownKey } from './key-proof.ts'

const [own, other] = ['k'.repeat(43), 'm'.repeat(43)]

const after = (...commands: IntentCommand[]): IntentStream => {
  let state: IntentStream = evolve(foldIntent([]), intentPublished())
  for (const command of [evaluate('allow'), ...commands]) {
    const events = decide(command, state)
    if (isRefusal(events)) throw new Error(events.code)
    state = events.reduce(evolve, state)
  }
  return state
}
const bound = () => after(collect({ key: keyed(own) }))
const withKey = { claims: claims({ keyThumbprint: own }) }
const codeOf = (outcome: unknown): string => (isRefusal(outcome) ? outcome.code : 'ok')

describe('a grant that was collected with a key', () => {
  it('is bound to that key, and redeemed by a proof of it', () => {
    const issued = decide(collect({ key: keyed(own) }), after())
    expect(issued).toMatchObject([{ data: { credential: { clientId: 'etl-bot', keyThumbprint: own } } }])
    expect(codeOf(decide(redeem({ ...withKey, key: keyed(own) }), bound()))).toBe('ok')
  })

  it('is neither redeemed nor collected again by another key, or by none', () => {
    expect(codeOf(decide(redeem({ ...withKey, key: keyed(other) }), bound()))).toBe('dpop_wrong_key')
    expect(codeOf(decide(redeem({ ...withKey, key: keyless }), bound()))).toBe('dpop_missing')
    expect(codeOf(decide(collect({ key: keyed(other) }), bound()))).toBe('dpop_wrong_key')
    expect(codeOf(decide(collect({ key: keyless }), bound()))).toBe('dpop_missing')
    expect(codeOf(decide(collect({ key: keyed(own) }), bound()))).toBe('ok')
  })

  it('is not redeemed by a token that names another key, or none', () => {
    const key = keyed(own)
    expect(codeOf(decide(redeem({ key, claims: claims({ keyThumbprint: other }) }), bound()))).toBe('dpop_wrong_key')
    expect(codeOf(decide(redeem({ key, claims: claims() }), bound()))).toBe('dpop_wrong_key')
  })

  it('is redeemed twice by nobody: the same redemption proves the key too', () => {
    const used = after(collect({ key: keyed(own) }), redeem({ ...withKey, key: keyed(own) }))
    expect(decide(redeem({ ...withKey, key: keyed(own) }), used)).toEqual([])
    expect(codeOf(decide(redeem({ ...withKey, key: keyed(other) }), used))).toBe('dpop_wrong_key')
  })
})

describe('an agent that is registered with a key', () => {
  const registered = (thumbprint?: string): ShownKey =>
    thumbprint === undefined ? { ...keyless, registered: own } : keyed(thumbprint, {}, own)

  it('collects and redeems by that key only', () => {
    expect(codeOf(decide(collect({ key: registered() }), after()))).toBe('dpop_missing')
    expect(codeOf(decide(collect({ key: registered(other) }), after()))).toBe('dpop_wrong_key')
    expect(codeOf(decide(collect({ key: registered(own) }), after()))).toBe('ok')
    expect(codeOf(decide(redeem({ ...withKey, key: registered(own) }), bound()))).toBe('ok')
  })

  it('redeems nothing that was collected without it, or before its key changed', () => {
    expect(codeOf(decide(redeem({ key: registered() }), after(collect())))).toBe('dpop_missing')
    const formerly = after(collect({ key: keyed(other) }))
    const presented = redeem({ claims: claims({ keyThumbprint: other }), key: registered(own) })
    expect(codeOf(decide(presented, formerly))).toBe('dpop_wrong_key')
  })
})

describe('a grant that was collected over mutual TLS', () => {
  const certificate = { thumbprint: 'x'.repeat(43), keyThumbprint: own }
  const shown = (change: Partial<typeof certificate> = {}): ShownKey => ({
    ...keyless,
    certificate: { ...certificate, ...change },
  })
  const collected = () => after(collect({ key: shown() }))
  const presented = (key: ShownKey, named: string | undefined = certificate.thumbprint) =>
    codeOf(decide(redeem({ claims: claims({ certificateThumbprint: named }), key }), collected()))

  it('is bound to the certificate of the connection, and redeemed over one with the same', () => {
    expect(decide(collect({ key: shown() }), after())).toMatchObject([
      { data: { credential: { clientId: 'etl-bot', certificateThumbprint: certificate.thumbprint } } },
    ])
    expect(presented(shown())).toBe('ok')
  })

  it.each<[string, ShownKey, RefusalCode]>([
    ['without a certificate', keyless, 'certificate_missing'],
    ['with a proof of its key instead', keyed(own), 'certificate_missing'],
    ['with another certificate', shown({ thumbprint: 'y'.repeat(43) }), 'certificate_mismatch'],
    [
      'with another certificate and a proof of its key',
      { ...keyed(own), certificate: { ...certificate, thumbprint: 'y'.repeat(43) } },
      'certificate_mismatch',
    ],
    ['with the certificate and a broken proof', { ...shown(), proof: 'invalid' }, 'dpop_invalid'],
  ])('is not redeemed, and not collected again, %s', (_what, key, code) => {
    expect(presented(key)).toBe(code)
    expect(codeOf(decide(collect({ key }), collected()))).toBe(code)
  })

  it('is not redeemed by a token that names another certificate, or none', () => {
    expect(presented(shown(), 'y'.repeat(43))).toBe('certificate_mismatch')
    const unnamed = redeem({ claims: claims(), key: shown() })
    expect(codeOf(decide(unnamed, collected()))).toBe('certificate_mismatch')
  })

  it('that was also collected with a proof needs both again', () => {
    const both = { ...keyed(other), certificate }
    const named = claims({ keyThumbprint: other, certificateThumbprint: certificate.thumbprint })
    const outcome = (key: ShownKey) => codeOf(decide(redeem({ claims: named, key }), after(collect({ key: both }))))
    expect(outcome(both)).toBe('ok')
    expect(outcome(shown())).toBe('dpop_missing')
    expect(outcome(keyed(other))).toBe('certificate_missing')
  })

  it('proves the key that the agent is registered with, and no other', () => {
    expect(codeOf(decide(collect({ key: { ...shown(), registered: own } }), after()))).toBe('ok')
    expect(codeOf(decide(collect({ key: { ...shown(), registered: other } }), after()))).toBe('dpop_missing')
    const proven = { ...keyed(other, {}, other), certificate }
    expect(codeOf(decide(collect({ key: proven }), after()))).toBe('ok')
  })

  it('is not asked for where a grant was collected with a proof, and does not stand in for one', () => {
    expect(codeOf(decide(redeem({ ...withKey, key: shown() }), bound()))).toBe('dpop_missing')
    expect(codeOf(decide(redeem({ ...withKey, key: { ...keyed(own), certificate } }), bound()))).toBe('ok')
  })
})

describe('a proof of the right key', () => {
  it.each<[string, Partial<KeyProof>, RefusalCode | 'ok']>([
    ['of another method', { method: 'GET' }, 'dpop_other_request'],
    ['of another address', { url: 'https://countersign.example/v2' }, 'dpop_other_request'],
    ['of another access token', { accessTokenDigest: 'other' }, 'dpop_other_token'],
    ['of no access token', { accessTokenDigest: undefined }, 'dpop_other_token'],
    ['a minute old', { issuedAt: at(3) }, 'ok'],
    ['older than a minute', { issuedAt: at(2.99) }, 'dpop_stale'],
    ['a minute ahead', { issuedAt: at(5) }, 'ok'],
    ['further ahead', { issuedAt: at(5.01) }, 'dpop_stale'],
    ['of no time', { issuedAt: '' }, 'dpop_stale'],
    ['that came before', { isReplayed: true }, 'dpop_replayed'],
  ])('%s', (_what, change, code) => {
    const grant = bound()
    expect(codeOf(decide(redeem({ ...withKey, now: at(4), key: keyed(own, change) }), grant))).toBe(code)
  })

  it('that cannot be verified is refused, also where nobody asked for one', () => {
    const key: ShownKey = { ...keyless, proof: 'invalid' }
    expect(codeOf(decide(collect({ key }), after()))).toBe('dpop_invalid')
    expect(codeOf(decide(redeem({ key }), after(collect())))).toBe('dpop_invalid')
    expect(codeOf(decide(collect({ key: keyed(own, { isReplayed: true }) }), after()))).toBe('dpop_replayed')
  })
})
