import { createHash, timingSafeEqual } from 'node:crypto'
import { Refused } from '@countersign/service-kit'
import type { IncomingHttpHeaders } from 'node:http'

/** Most fields that a form of ours has. */
const mostFields = 16

/**
 * The fields of a form that a page of this deployment sent. @throws Refused when another site's page sent it, or when it is
 * not a form of ours
 */
export const ownForm = (
  { headers, rawBody }: { readonly headers: IncomingHttpHeaders; readonly rawBody?: Buffer },
  publicUrl: string,
): ReadonlyMap<string, string> => {
  const site = headers['sec-fetch-site']
  const isForeign = site !== undefined && site !== 'same-origin'
  if (isForeign || headers.origin !== new URL(publicUrl).origin) throw new Refused({ code: 'not_allowed' })
  const fields = [...new URLSearchParams((rawBody ?? Buffer.alloc(0)).toString('utf8'))]
  const form = new Map(fields)
  if (form.size !== fields.length || fields.length > mostFields) throw new Refused({ code: 'invalid_request' })
  return form
}

/** Cookies of a request by name; of two with one name neither counts. */
export const cookiesOf = ({ cookie = '' }: IncomingHttpHeaders): ReadonlyMap<string, string> => {
  const pairs = cookie.split(';').flatMap((part): [string, string][] => {
    const at = part.indexOf('=')
    return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()]]
  })
  const count = Map.groupBy(pairs, ([name]) => name)
  return new Map(pairs.filter(([name]) => count.get(name)?.length === 1))
}

/** A cookie for this host alone, out of reach of scripts. Without a life it is taken away. */
export const hostCookie = (
  name: string,
  value: string,
  { site, seconds }: { readonly site: 'Strict' | 'Lax'; readonly seconds: number },
): string => `__Host-${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${site}; Max-Age=${seconds}`

/** Token that the forms of a session carry: only a page that the session was shown can know it. */
export const formTokenOf = (session: string): string =>
  createHash('sha256').update(`countersign/form/v1/${session}`).digest('base64url')

/** @throws Refused unless the form carries the session's token */
export const requireFormToken = (form: ReadonlyMap<string, string>, session: string): void => {
  const given = Buffer.from(form.get('token') ?? '')
  const expected = Buffer.from(formTokenOf(session))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Refused({ code: 'not_allowed' })
}
