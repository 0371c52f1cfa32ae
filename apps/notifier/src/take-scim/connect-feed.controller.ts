import {
  ConnectFeedBody,
  DisconnectFeedBody,
  ReviewEntryBody,
  type ConnectedFeed,
  type DisconnectedFeed,
  type FeedView,
  type ReviewedEntry,
} from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Refused, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { callerIn, operatorCaller, readerIn, reviewers } from '../caller.ts'
import { ReviewGroup } from '../keep-directory/review-group.handler.ts'
import { checkTexts } from '../keep-directory/check-texts.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import { DirectoryFeeds } from './directory-feed.ts'

/** Connects the identity provider that keeps a tenant's directory, for operators. */
@Controller('v1/directory/feed')
export class ConnectFeedController {
  readonly #pool: pg.Pool
  readonly #feeds: DirectoryFeeds
  readonly #reviews: ReviewGroup

  constructor(
    @Inject(NOTIFIER_POOL) pool: pg.Pool,
    @Inject(DirectoryFeeds) feeds: DirectoryFeeds,
    @Inject(ReviewGroup) reviews: ReviewGroup,
  ) {
    this.#pool = pool
    this.#feeds = feeds
    this.#reviews = reviews
  }

  @Get()
  async read(@Requester() identity: Identity): Promise<FeedView> {
    const { tenantId } = orRefuse(await readerIn(this.#pool, identity))
    const feed = await this.#feeds.read(tenantId)
    if (feed === undefined) throw new Refused({ code: 'not_found' })
    return feed
  }

  @Post('review')
  @HttpCode(200)
  async review(
    @Body(validateBody(ReviewEntryBody)) body: ReviewEntryBody,
    @Requester() identity: Identity,
  ): Promise<ReviewedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, reviewers))
    checkTexts({ reason: body.reason })
    return orRefuse(await this.#reviews.handle(caller, body, 'directory_feed'))
  }

  @Post('disconnect')
  @HttpCode(200)
  async disconnect(
    @Body(validateBody(DisconnectFeedBody)) { reason }: DisconnectFeedBody,
    @Requester() identity: Identity,
  ): Promise<DisconnectedFeed> {
    const caller = orRefuse(await operatorCaller(this.#pool, identity))
    checkTexts({ reason })
    return orRefuse(await this.#feeds.disconnect(caller, reason))
  }

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async connect(
    @Body(validateBody(ConnectFeedBody)) body: ConnectFeedBody,
    @Requester() identity: Identity,
  ): Promise<ConnectedFeed> {
    const caller = orRefuse(await operatorCaller(this.#pool, identity))
    checkTexts({ issuer: body.issuer, reason: body.reason })
    return this.#feeds.connect(caller, body)
  }
}
