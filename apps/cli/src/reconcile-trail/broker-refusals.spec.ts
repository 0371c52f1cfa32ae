import { describe, expect, it } from 'vitest'
import { refusalIn } from './broker-refusals.ts'

const mark = '0f4a3a526a4b4f0e9d0c2f9f5b8a7c11'
const now = Date.parse('2026-11-22T21:30:00Z')
const read = (text: string) => refusalIn(text, { mark, now })
const begin = (time = '2026-11-22T21:22:12.537Z', word = mark) =>
  `${time} ${word} [data-plane-kafka-request-handler-0] INFO kafka.authorizer.logger - `
// As Kafka 4.1.1 wrote it.
const message = (resource: string) =>
  `Principal = User:siem is Denied operation = WRITE from host = 127.0.0.1 on resource = Topic:LITERAL:${resource}`
const tail = ' for request = Produce with resourceRefCount = 1 based on rule DefaultDeny'

describe('a line of the authorizer', () => {
  it('tells who was refused what, from where and when, whatever zone the broker is in', () => {
    const attempt = {
      at: Date.parse('2026-11-22T21:22:12.537Z'),
      principal: 'siem',
      operation: 'WRITE',
      host: '127.0.0.1',
      resourceType: 'Topic',
      resource: 'countersign.audit.v1',
    }
    expect(read(`${begin()}${message('countersign.audit.v1')}${tail}`)).toEqual(attempt)
    expect(read(`${begin('2026-11-22T22:22:12.537+01:00')}${message('countersign.audit.v1')}${tail}`)).toEqual(attempt)
  })

  it.each([
    ['cut off by a line end in the name', message('x')],
    ['with a space in the name', `${message('a b')}${tail}`],
    ['with more than a name holds', `${message('x'.repeat(300))}${tail}`],
    ['with a secret for a name', `${message(`AKIA${'ABCDEFGH23456789'}`)}${tail}`],
    ['without a name', `${message('')}${tail}`],
  ])('still tells of an attempt %s', (_what, text) => {
    expect(read(`${begin()}${text}`)).toMatchObject({ principal: 'siem', resource: '(unclear)' })
  })

  it.each([
    ['without the mark', `${message('x')}${tail}`, 'not_by_the_broker'],
    ['with another mark', `${begin(undefined, mark.replace('0', '1'))}${message('x')}${tail}`, 'not_by_the_broker'],
    ['behind other text', `a ${begin()}${message('x')}${tail}`, 'not_by_the_broker'],
    ['of another form', `${begin()}somebody says User:relay is Denied operation = WRITE`, 'not_an_authorizer_line'],
    ['from the future', `${begin('2026-11-22T21:30:00.001Z')}${message('x')}${tail}`, 'time_in_the_future'],
  ])('%s is not taken', (_what, text, reason) => {
    expect(read(text)).toBe(reason)
  })
})
