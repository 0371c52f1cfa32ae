import { NotFoundException } from '@nestjs/common'
import { refusals } from '@countersign/contracts'
import { describe, expect, it } from 'vitest'
import { orRefuse, problemOf, Refused, sourceOf } from './problem-details.ts'
import { edgeRefusals, hasStatus } from './problem-status.ts'

describe('problem details', () => {
  it.each([...Object.keys(refusals), ...Object.keys(edgeRefusals)])('have a status and words for %s', (code) => {
    const problem = problemOf({ code })
    expect(hasStatus(code)).toBe(true)
    expect(problem.status).toBeGreaterThanOrEqual(400)
    expect(problem.title).not.toBe('')
    expect(problem.next).toBeDefined()
  })

  it('carry the members of RFC 9457, the code, and what the refusal points at', () => {
    expect(problemOf({ code: 'binding_mismatch', pointer: '/target' }, { requestId: 'r1', traceId: 't1' })).toEqual({
      type: 'https://countersign.dev/problems/binding_mismatch',
      title: refusals.binding_mismatch.title,
      status: 409,
      code: 'binding_mismatch',
      pointer: '/target',
      next: refusals.binding_mismatch.next,
      requestId: 'r1',
      traceId: 't1',
    })
  })

  it.each([
    ['a defect', new Error('password=hunter2'), 'internal_error'],
    ['something thrown that is no error', 'hunter2', 'internal_error'],
    [
      'a database error with a code of its own',
      Object.assign(new Error('hunter2'), { code: '23505' }),
      'internal_error',
    ],
    [
      'an error that claims to be a server error',
      Object.assign(new Error('hunter2'), { statusCode: 502 }),
      'internal_error',
    ],
    ['Nest not finding a route', new NotFoundException('Cannot GET /hunter2'), 'not_found'],
    [
      'Fastify refusing a body',
      Object.assign(new Error('x'), { code: 'FST_ERR_CTP_BODY_TOO_LARGE' }),
      'body_too_large',
    ],
    [
      'an unknown Fastify refusal',
      Object.assign(new Error('x'), { code: 'FST_NEW', statusCode: 422 }),
      'malformed_request',
    ],
    ['a refusal', new Refused({ code: 'self_approval' }), 'self_approval'],
  ])('of %s say %s', (_name, error, code) => {
    const problem = problemOf(sourceOf(error))
    expect(problem.code).toBe(code)
    expect(JSON.stringify(problem)).not.toContain('hunter2')
  })

  it('let values through and throw refusals', () => {
    expect(orRefuse({ intentId: 'i1' })).toEqual({ intentId: 'i1' })
    expect(() => orRefuse({ refused: true, code: 'self_approval' })).toThrow(Refused)
  })
})
