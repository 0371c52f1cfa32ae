import { RecordVerdictBody, type ReviewSummary, type ReviewView, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import type { RecordedVerdict } from '../../record-verdict/record-verdict.handler.ts'
import { ApiChannel } from './api-channel.ts'
import { ListReviewsQuery, ReadReviewQuery } from './review-bodies.ts'

/** Reviews and verdicts over HTTP, with the token of a person. */
@Controller('v1/reviews')
export class ReviewController {
  readonly #channel: ApiChannel

  constructor(@Inject(ApiChannel) channel: ApiChannel) {
    this.#channel = channel
  }

  @Get()
  @EdgeRoute({ query: ListReviewsQuery })
  async list(@Query() query: ListReviewsQuery, @Requester() identity: Identity): Promise<{ reviews: ReviewSummary[] }> {
    return { reviews: orRefuse(await this.#channel.list(identity, query)) }
  }

  @Get(':reviewId')
  @EdgeRoute({ query: ReadReviewQuery })
  async read(
    @Param('reviewId', pathParameter(Uuid)) reviewId: string,
    @Query('waitMs') waitMs: number,
    @Requester() identity: Identity,
  ): Promise<ReviewView> {
    return orRefuse(await this.#channel.read(identity, { reviewId, waitMs }))
  }

  @Post(':reviewId/verdicts')
  @HttpCode(201)
  async recordVerdict(
    @Param('reviewId', pathParameter(Uuid)) reviewId: string,
    @Body(validateBody(RecordVerdictBody)) body: RecordVerdictBody,
    @Requester() identity: Identity,
  ): Promise<RecordedVerdict> {
    return orRefuse(await this.#channel.recordVerdict(identity, reviewId, body))
  }
}
