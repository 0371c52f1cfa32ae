import type { JsonLimits } from '@countersign/redaction'
import { SetMetadata } from '@nestjs/common'
import { RouteConfig } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import type { Type } from 'typebox'

/** Bodies that a route can take. `scim` is JSON under a name of its own (RFC 7644 §3.1). `form` stays raw bytes: its signature is verified before anything reads it. */
export type BodyKind = 'json' | 'scim' | 'form'

export type RouteRules = {
  /** Largest body in bytes; 64 KiB when absent. */
  readonly bodyLimit?: number
  /** Accepted bodies; JSON when absent, JSON and form below `/callbacks/`. */
  readonly bodies?: readonly BodyKind[]
  /** Bounds of a JSON body other than the defaults of `parseStrictJson`. */
  readonly json?: Partial<Omit<JsonLimits, 'bodyBytes'>>
  /** Query parameters by name; without it the route takes none and refuses any. Values are coerced to the schema. */
  readonly query?: Type.TObject
}

/** Declares what the edge lets through to a controller's route. Decorator for methods in `*.controller.ts`. */
export const EdgeRoute = (rules: RouteRules): MethodDecorator => RouteConfig({ edge: rules }) as MethodDecorator

export const rulesOf = (config: unknown): RouteRules => (config as { edge?: RouteRules } | undefined)?.edge ?? {}

export const publicRoute = 'countersign:public'

/** Marks a controller or route that needs no bearer token, because it checks the caller in another way or tells nothing. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(publicRoute, true)

/** A request behind the edge: the parsed body and the exact bytes that it came in (for signatures). */
export type EdgeRequest = FastifyRequest & { readonly rawBody?: Buffer }
