import { ConnectFeedBody, type ConnectedFeed } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { findSecret, hasHiddenText } from '@countersign/redaction'
import { orRefuse, Refused, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Header, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { operatorCaller } from '../caller.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import { DirectoryFeeds } from './directory-feed.ts'

/** Connects the identity provider that keeps a tenant's directory, for operators. */
@Controller('v1/directory/feed')
export class ConnectFeedController {
  readonly #pool: pg.Pool
  readonly #feeds: DirectoryFeeds

  constructor(@Inject(NOTIFIER_POOL) pool: pg.Pool, @Inject(DirectoryFeeds) feeds: DirectoryFeeds) {
    this.#pool = pool
    this.#feeds = feeds
  }

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async connect(
    @Body(validateBody(ConnectFeedBody)) body: ConnectFeedBody,
    @Requester() identity: Identity,
  ): Promise<ConnectedFeed> {
    const caller = orRefuse(await operatorCaller(this.#pool, identity))
    for (const field of ['issuer', 'reason'] as const) {
      if (hasHiddenText(body[field])) throw new Refused({ code: 'hidden_text', pointer: `/${field}` })
      if (findSecret(body[field]) !== undefined) throw new Refused({ code: 'secret_in_field', pointer: `/${field}` })
    }
    return this.#feeds.connect(caller, body)
  }
}
