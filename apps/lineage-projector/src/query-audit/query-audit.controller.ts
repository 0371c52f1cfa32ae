import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, Refused, Requester, type EdgeRequest } from '@countersign/service-kit'
import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { readerOf, readsAudit } from '../reader.ts'
import { READING, type Reading } from '../reading.ts'
import { readAuditRows } from './read-audit-rows.ts'

const AuditQuery = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 64 })),
  limit: Type.Integer({ minimum: 1, maximum: 2_000, default: 500 }),
})
type AuditQuery = Type.Static<typeof AuditQuery>

/**
 * `GET /v1/audit?after=&limit=`: OCSF 1.8 rows for those without Kafka. JSON by default; JSON lines for who accepts
 * `application/x-ndjson`, with the cursor in the header `countersign-next`.
 */
@Controller()
export class QueryAuditController {
  readonly #reading: Reading

  constructor(@Inject(READING) reading: Reading) {
    this.#reading = reading
  }

  @Get('v1/audit')
  @EdgeRoute({ query: AuditQuery })
  async read(
    @Query() { after, limit }: AuditQuery,
    @Requester() identity: Identity,
    @Req() request: EdgeRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { pool, rules } = this.#reading
    const reader = orRefuse(await readerOf(pool, identity, rules))
    if (!readsAudit(reader, rules)) throw new Refused({ code: 'not_allowed' })
    const page = await readAuditRows(pool, {
      tenantId: reader.tenantId,
      limit,
      ...(after === undefined ? {} : { after }),
    })
    if (page === undefined) throw new Refused({ code: 'invalid_parameter', pointer: '/after' })
    void reply.header('countersign-next', page.next)
    if (request.headers.accept !== 'application/x-ndjson') return page
    void reply.type('application/x-ndjson; charset=utf-8')
    return page.rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  }
}
