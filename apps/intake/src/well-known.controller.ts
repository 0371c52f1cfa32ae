import { Public } from '@countersign/service-kit'
import { Controller, Get, Inject } from '@nestjs/common'
import type { SigningKey } from './signing-key.ts'
import { PUBLIC_URL, SIGNING_KEY } from './tokens.ts'

/** What clients need to know before they have a token: where things are, and the keys that sign grants and receipts. */
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #key: SigningKey
  readonly #url: string

  constructor(@Inject(SIGNING_KEY) key: SigningKey, @Inject(PUBLIC_URL) url: string) {
    this.#key = key
    this.#url = url
  }

  @Get('jwks.json')
  keys(): { keys: readonly SigningKey['jwk'][] } {
    return { keys: [this.#key.jwk] }
  }

  @Get('countersign')
  services(): Record<string, unknown> {
    const at = (path: string): string => new URL(path, this.#url).href
    return {
      api_version: 'v1',
      intents_endpoint: at('/v1/intents'),
      grants_endpoint: at('/v1/grants'),
      executions_endpoint: at('/v1/executions'),
      reviews_endpoint: at('/v1/reviews'),
      audit_endpoint: at('/v1/audit'),
      lineage_endpoint: at('/v1/lineage'),
      ledger_endpoint: at('/v1/ledger/logs'),
      jwks_uri: at('/.well-known/jwks.json'),
    }
  }
}
