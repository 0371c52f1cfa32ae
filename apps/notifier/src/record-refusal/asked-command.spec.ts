import { httpRoutes } from '@countersign/contracts'
import { describe, expect, it } from 'vitest'
import { askedCommand } from './asked-command.ts'

const changes = httpRoutes.filter(
  ({ method, folder }) => method === 'POST' && /^notifier\/(keep-directory|take-scim|link-account)$/.test(folder),
)
const ofPeople = changes.filter(({ callers }) => callers.includes('operator'))

describe('a refused change of people', () => {
  it.each(ofPeople.map(({ path }) => [path] as const))('counts %s', (path) => {
    expect(askedCommand('POST', path.replaceAll(/\{\w+\}/g, 'some-id'))).toEqual({})
  })

  it.each(
    httpRoutes.filter(({ method, path }) => method === 'POST' && path.startsWith('/me/') && path !== '/me/sign-in'),
  )('counts the form of $path for whoever is signed in there', ({ path }) => {
    expect(askedCommand('POST', path.replaceAll(/\{\w+\}/g, 'some-id'))).toEqual({ byForm: true })
  })

  it.each(['/v1/reviews', '/me/sign-in', '/v1/directory/unheard-of', '/v1/%zz'])('counts no %s', (path) => {
    expect(askedCommand('POST', path)).toBeUndefined()
  })

  it('counts no read', () => {
    expect(ofPeople.length).toBeGreaterThan(8)
    expect(ofPeople.map(({ path }) => askedCommand('GET', path))).toEqual(ofPeople.map(() => undefined))
  })
})
