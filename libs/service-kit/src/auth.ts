import { type CanActivate, createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { Refused } from './problem-details.ts'
import { statusOf } from './problem-status.ts'
import { publicRoute } from './route-rules.ts'

export type Verified<I> = { readonly ok: true; readonly identity: I } | { readonly ok: false; readonly code: string }

/** Says who a bearer token stands for; the token is passed without the scheme. Never throws for a bad token. */
export type BearerVerifier<I = unknown> = { verify(bearer: string): Promise<Verified<I>> }

/** RFC 6750 §2.1, bounded: longer credentials are no token of ours. */
const bearerForm = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const longestToken = 8_192

const identities = new WeakMap<object, unknown>()

/** The 401 of RFC 6750 §3: with `error` only if a token was sent. */
const unauthorised = (code: string): Refused => {
  const error = code === 'token_missing' ? '' : ', error="invalid_token"'
  return new Refused({ code, headers: { 'www-authenticate': `Bearer realm="countersign"${error}` } })
}

const refused = (code: string): Refused => {
  switch (statusOf(code)) {
    case 403:
      return new Refused({ code })
    case 503:
      return new Refused({ code, headers: { 'retry-after': '5' } })
    case 401:
      return unauthorised(code)
    default:
      return unauthorised('token_invalid')
  }
}

/**
 * Lets a request in only with a token that the verifier accepts, unless its route is marked `@Public()`. A verifier that
 * fails is an identity provider that cannot be reached: nobody gets in.
 */
export class BearerGuard implements CanActivate {
  readonly #verifier: BearerVerifier

  constructor(verifier: BearerVerifier) {
    this.#verifier = verifier
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()]
    if (targets.some((target) => Reflect.getMetadata(publicRoute, target) === true)) return true
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>()
    const header = request.headers.authorization
    if (header === undefined) throw unauthorised('token_missing')
    const bearer = bearerForm.exec(header)?.[1]
    if (bearer === undefined || bearer.length > longestToken) throw unauthorised('token_invalid')
    const verified = await this.#verify(bearer)
    if (!verified.ok) throw refused(verified.code)
    identities.set(request, verified.identity)
    return true
  }

  async #verify(bearer: string): Promise<Verified<unknown>> {
    try {
      return await this.#verifier.verify(bearer)
    } catch {
      return { ok: false, code: 'identity_provider_unavailable' }
    }
  }
}

/** For a service without a verifier: every route that is not public stays shut. */
export const nobody: BearerVerifier = {
  verify: async () => ({ ok: false, code: 'identity_provider_unavailable' }),
}

/** Who sent a request that passed the guard. Throws if it did not pass one: then the route is wired wrongly. */
export const identityOf = <I>(request: object): I => {
  if (!identities.has(request)) throw new Error('this request did not pass the bearer guard')
  return identities.get(request) as I
}

/** Parameter decorator for controllers: the verified identity of the caller. */
export const Requester: () => ParameterDecorator = createParamDecorator((_unused: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<object>()),
)
