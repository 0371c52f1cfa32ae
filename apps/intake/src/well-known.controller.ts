import { Public } from '@countersign/service-kit'
import { Controller, Get, Header, Inject } from '@nestjs/common'
import type { GrantKeys } from './signing-key.ts'
import { GRANT_KEYS, PUBLIC_URL } from './tokens.ts'

/** What clients need to know before they have a token: where things are, and the keys that sign grants and receipts. */
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #keys: GrantKeys
  readonly #url: string

  constructor(@Inject(GRANT_KEYS) keys: GrantKeys, @Inject(PUBLIC_URL) url: string) {
    this.#keys = keys
    this.#url = url
  }

  @Get('jwks.json')
  @Header('cache-control', 'public, max-age=300')
  keys(): { keys: GrantKeys['published'] } {
    return { keys: this.#keys.published }
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
