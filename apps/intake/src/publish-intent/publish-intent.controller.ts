import { type IntentView, PublishIntentBody, refuse } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { currentTraceparent, EdgeRoute, orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Headers, Inject, Post, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { ADMISSION, POOL, PUBLISH } from '../tokens.ts'
import type { Admission } from './admission.ts'
import { checkIntent, idempotencyKeyOf, largestIntent } from './check-intent.ts'
import type { PublishBatch } from './publish-batch.ts'
import type { RefusedRequests } from './refused-requests.ts'
import { REFUSED_REQUESTS } from '../tokens.ts'

@Controller('v1/intents')
export class PublishIntentController {
  readonly #pool: pg.Pool
  readonly #publish: PublishBatch
  readonly #admission: Admission
  readonly #refused: RefusedRequests

  constructor(
    @Inject(POOL) pool: pg.Pool,
    @Inject(PUBLISH) publish: PublishBatch,
    @Inject(ADMISSION) admission: Admission,
    @Inject(REFUSED_REQUESTS) refused: RefusedRequests,
  ) {
    this.#pool = pool
    this.#publish = publish
    this.#admission = admission
    this.#refused = refused
  }

  @Post()
  @EdgeRoute({ bodyLimit: largestIntent, json: { arrayLength: 10_000 } })
  async publish(
    @Body() raw: unknown,
    @Headers('idempotency-key') key: string | string[] | undefined,
    @Requester() identity: Identity,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IntentView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    // Load is shed before anything is read or written; the one refusal that leaves no record of its own.
    if (!this.#admission.admits(caller.producer, performance.now())) {
      void reply.header('retry-after', '1')
      return orRefuse(refuse('too_many_requests'))
    }
    const body = await this.#refused.recording(caller, () => {
      const checked = validateBody(PublishIntentBody).transform(raw, { type: 'body' })
      const problem = checkIntent(checked)
      if (problem !== undefined) orRefuse(problem)
      return checked
    })
    const idempotencyKey = await this.#refused.recording(caller, () => orRefuse(idempotencyKeyOf(key)))
    const traceparent = currentTraceparent()
    const published = orRefuse(
      await this.#publish.publish({
        caller,
        body,
        idempotencyKey,
        ...(traceparent === undefined ? {} : { traceparent }),
      }),
    )
    void reply.code(202).header('location', `/v1/intents/${published.view.intentId}`)
    if (!published.isNew) void reply.header('idempotent-replayed', 'true')
    return published.view
  }
}
