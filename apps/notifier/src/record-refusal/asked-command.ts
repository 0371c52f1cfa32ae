import { Uuid, VerdictChoice } from '@countersign/contracts'
import { Compile } from 'typebox/compile'

/** A command that was asked for over HTTP; for a verdict with what is usable of it. */
export type AskedCommand = {
  readonly reviewId?: string
  readonly verdict?: VerdictChoice
  /** A form of a page asks for it, in the name of whoever is signed in there. */
  readonly byForm?: true
}

const onReview = /^\/v1\/reviews\/([^/]+)\/verdicts$/
const onRegisters =
  /^\/v1\/(directory\/people(\/link)?|directory\/logins\/free|directory\/groups(\/review)?|directory\/feed(\/review|\/disconnect)?|accounts|accounts\/[^/]+\/unlink)$/

const onPages = /^\/me\/(keys|sign-out|(verdict|link)\/[^/]+)$/

const uuid = Compile(Uuid)
const choice = Compile(VerdictChoice)

/** The path as the router reads it: percent-decoded, without query and fragment. */
const routedPath = (url: string): string | undefined => {
  try {
    return decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '')
  } catch {
    return undefined
  }
}

/** The command that a request asks for; undefined for reads and unknown paths. `body` is not checked by anything yet. */
export const askedCommand = (method: string, url: string, body?: unknown): AskedCommand | undefined => {
  const path = routedPath(url)
  if (method !== 'POST' || path === undefined) return undefined
  if (onPages.test(path)) return { byForm: true }
  const reviewId = onReview.exec(path)?.[1]
  if (reviewId === undefined) return onRegisters.test(path) ? {} : undefined
  const verdict: unknown = (body as { readonly verdict?: unknown } | null | undefined)?.verdict
  return {
    ...(uuid.Check(reviewId) ? { reviewId } : {}),
    ...(choice.Check(verdict) ? { verdict } : {}),
  }
}
