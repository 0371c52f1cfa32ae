import { type IntentView, PublishIntentBody, refuse } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import {
  currentTraceparent,
  type EdgeRequest,
  EdgeRoute,
  orRefuse,
  Requester,
  validateBody,
} from '@countersign/service-kit'
import { Controller, Headers, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { ADMISSION, POOL, PUBLISH } from '../tokens.ts'
import type { Admission } from './admission.ts'
import { checkIntent, idempotencyKeyOf, largestIntent } from './check-intent.ts'
import type { PublishBatch } from './publish-batch.ts'

const bodyOf = validateBody(PublishIntentBody)

@Controller('v1/intents')
export class PublishIntentController {
  readonly #pool: pg.Pool
  readonly #publish: PublishBatch
  readonly #admission: Admission

  constructor(
    @Inject(POOL) pool: pg.Pool,
    @Inject(PUBLISH) publish: PublishBatch,
    @Inject(ADMISSION) admission: Admission,
  ) {
    this.#pool = pool
    this.#publish = publish
    this.#admission = admission
  }

  @Post()
  @EdgeRoute({ bodyLimit: largestIntent, json: { arrayLength: 10_000 } })
  async publish(
    @Req() request: EdgeRequest,
    @Headers('idempotency-key') key: string | string[] | undefined,
    @Requester() identity: Identity,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IntentView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    // Load is shed before anything is read or written; such refusals are added up and recorded together.
    if (!this.#admission.admits(caller, performance.now())) {
      void reply.header('retry-after', '1')
      return orRefuse(refuse('too_many_requests'))
    }
    const body = bodyOf.transform(request.body, { type: 'body' })
    const problem = checkIntent(body)
    if (problem !== undefined) return orRefuse(problem)
    const idempotencyKey = orRefuse(idempotencyKeyOf(key))
    const traceparent = currentTraceparent()
    const published = orRefuse(
      await this.#publish.publish(
        { caller, body, idempotencyKey, ...(traceparent === undefined ? {} : { traceparent }) },
        request.rawBody?.length ?? largestIntent,
      ),
    )
    void reply.code(202).header('location', `/v1/intents/${published.view.intentId}`)
    if (!published.isNew) void reply.header('idempotent-replayed', 'true')
    return published.view
  }
}
