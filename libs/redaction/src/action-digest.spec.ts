import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ActionBinding,
  actionDigest,
  canonicalJson,
  commitment,
  nameId,
  parametersCommitment,
  recordMac,
  requestFingerprint,
  subjectCommitment,
  verifyRecordMac,
} from './index.ts'

const salt = Buffer.alloc(32, 7).toString('base64url')
const key = Buffer.alloc(32, 1)
const binding: ActionBinding = {
  bindingVersion: 1,
  tenant: '01890000-0000-7000-8000-000000000001',
  intentId: '01890000-0000-7000-8000-000000000002',
  agent: 'subject-agent',
  onBehalfOf: null,
  executor: 'subject-executor',
  action: 'database.table.drop',
  target: 'prod/customers',
  environment: 'prod',
  parametersCommitment: parametersCommitment(salt, { force: true }),
  preconditions: null,
}

describe('commitments', () => {
  it('hash the salt bytes followed by the canonical value', () => {
    const expected = createHash('sha256').update(Buffer.alloc(32, 7)).update('{"a":1,"b":2}').digest('hex')
    expect(commitment(salt, { b: 2, a: 1 })).toBe(`sha256:${expected}`)
    expect(parametersCommitment(salt, { b: 2, a: 1 })).toBe(`sha256:${expected}`)
    expect(subjectCommitment(salt, 'https://idp', 'u1')).toBe(commitment(salt, ['https://idp', 'u1']))
  })

  it.each(['', 'short', `${salt}A`, Buffer.alloc(31).toString('base64url'), `${salt}=`, `+${salt.slice(1)}`])(
    'take no salt but 32 bytes in base64url: %j',
    (bad) => expect(() => commitment(bad, {})).toThrow(RangeError),
  )
})

describe('actionDigest', () => {
  it('is SHA-256 over the canonical form of the eleven members', () => {
    const expected = createHash('sha256').update(canonicalJson(binding)).digest('hex')
    expect(actionDigest(binding)).toBe(`sha256:${expected}`)
    expect(actionDigest({ ...binding, extra: 1 } as ActionBinding)).toBe(`sha256:${expected}`)
  })

  it('changes with every member', () => {
    const changes: Partial<ActionBinding>[] = [
      ...(['tenant', 'intentId', 'agent', 'onBehalfOf', 'executor', 'action', 'target', 'environment'] as const).map(
        (field) => ({ [field]: 'other' }),
      ),
      { parametersCommitment: parametersCommitment(salt, { force: false }) },
      { preconditions: {} },
    ]
    const digests = changes.map((change) => actionDigest({ ...binding, ...change }))
    expect(new Set([actionDigest(binding), ...digests]).size).toBe(changes.length + 1)
  })

  it.each(Object.keys(binding))('is never made without %s', (field) => {
    const partial = Object.fromEntries(Object.entries(binding).filter(([name]) => name !== field))
    expect(() => actionDigest(partial as unknown as ActionBinding)).toThrow(
      new TypeError(field === 'bindingVersion' ? 'unknown binding version' : `binding lacks ${field}`),
    )
  })

  it.each(['tenant', 'intentId', 'agent', 'executor', 'action', 'target', 'environment'] as const)(
    'is never made over %s that is empty or no text',
    (field) => {
      for (const value of ['', 7, null])
        expect(() => actionDigest({ ...binding, [field]: value } as ActionBinding)).toThrow(`binding lacks ${field}`)
    },
  )

  it('takes a commitment alone for the parameters, with nothing before or behind it', () => {
    for (const text of [`x${binding.parametersCommitment}`, `${binding.parametersCommitment}x`])
      expect(() => actionDigest({ ...binding, parametersCommitment: text })).toThrow('parametersCommitment')
  })
})

describe('requestFingerprint', () => {
  it('is an HMAC over the canonical request, other for every tenant', () => {
    const expected = createHmac('sha256', key).update('{"a":1,"b":2}').digest('hex')
    expect(requestFingerprint(key, { b: 2, a: 1 })).toBe(`hmac-sha256:${expected}`)
    expect(requestFingerprint(Buffer.alloc(32, 2), { b: 2, a: 1 })).not.toBe(`hmac-sha256:${expected}`)
  })

  it('takes no short key', () => expect(() => requestFingerprint(Buffer.alloc(31), {})).toThrow(RangeError))
})

describe('recordMac', () => {
  const record = { topic: 'cs.intents.v1', key: 'k', value: Buffer.from('{"a":1}') }
  const mac = recordMac(key, record)

  it('is accepted for the same record only', () => {
    expect(verifyRecordMac(key, record, mac)).toBe(true)
    expect(verifyRecordMac(Buffer.alloc(32, 2), record, mac)).toBe(false)
    expect(verifyRecordMac(key, { ...record, topic: 'cs.intents.v2' }, mac)).toBe(false)
    expect(verifyRecordMac(key, { ...record, key: 'l' }, mac)).toBe(false)
    expect(verifyRecordMac(key, { ...record, value: Buffer.from('{"a":2}') }, mac)).toBe(false)
  })

  it('is the HMAC of its definition over the framed parts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 80 }),
        text,
        text,
        bytes(6_000),
        (secret, topic, name, value) => {
          const hmac = createHmac('sha256', secret)
          for (const part of ['countersign/record/v1', topic, name, value]) {
            const length = Buffer.alloc(4)
            length.writeUInt32BE(Buffer.byteLength(part))
            hmac.update(length).update(part)
          }
          expect(recordMac(secret, { topic, key: name, value })).toBe(`hmac-sha256:${hmac.digest('hex')}`)
        },
      ),
    )
  })

  it('takes no text that UTF-8 cannot hold', () => {
    expect(() => recordMac(key, { ...record, key: '\ud800' })).toThrow(TypeError)
  })

  it('is not accepted with a character of another byte length in it', () => {
    expect(verifyRecordMac(key, record, mac)).toBe(true)
    expect(verifyRecordMac(key, record, `${mac.slice(0, -1)}é`)).toBe(false)
    expect(verifyRecordMac(key, record, `${mac.slice(0, -2)}é`)).toBe(false)
    const wide = mac.replaceAll(/./g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0x100))
    expect(verifyRecordMac(key, record, wide)).toBe(false)
  })

  it.each(['', 'x', mac.slice(0, -1), `${mac}0`, mac.toUpperCase(), mac.replace('hmac-sha256:', '')])(
    'is not accepted as %j',
    (other) => expect(verifyRecordMac(key, record, other)).toBe(false),
  )

  it('leaves no byte that could belong to two parts', () => {
    const part = fc.string({ unit: 'binary-ascii', maxLength: 6 })
    fc.assert(
      fc.property(part, part, part, fc.nat(), (topic, name, value, shift) => {
        const all = topic + name + value
        const cut = shift % (all.length + 1)
        const moved = { topic: all.slice(0, cut), key: all.slice(cut), value: Buffer.alloc(0) }
        const same = moved.topic === topic && moved.key === name && value === ''
        expect(verifyRecordMac(key, moved, recordMac(key, { topic, key: name, value: Buffer.from(value) }))).toBe(same)
      }),
    )
  })
})

describe('nameId', () => {
  it('is a stable UUIDv8', () => {
    expect(nameId('agent', 'builder')).toBe(nameId('agent', 'builder'))
    expect(nameId('agent', 'builder')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('differs for every list of parts', () => {
    const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['c', 'ab']]
    expect(new Set(lists.map((parts) => nameId(...parts))).size).toBe(lists.length)
    expect(() => nameId()).toThrow(RangeError)
  })
})
