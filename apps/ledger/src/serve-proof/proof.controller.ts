import { type LogContinuations, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { parseTilePath, type TileCoordinates } from '@countersign/merkle-log'
import { EdgeRoute, pathParameter, Public, Refused, Requester } from '@countersign/service-kit'
import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { readerOf, requireAuditor } from './auditor.ts'
import { PROOF_SOURCE, type ProofSource } from './proof-source.ts'
import {
  findLog,
  listContinuations,
  listLogs,
  type PublishedLog,
  proveEvent,
  proveGrowth,
  readTile,
} from './published-log.ts'

const GrowthQuery = Type.Object({
  from: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  to: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
})

const logId = pathParameter(Uuid)
const YEAR_S = 31_536_000

/**
 * The log over HTTP, as c2sp.org/tlog-tiles lays it out. Checkpoints, tiles and proofs are public: they are hashes and
 * signatures. Entries hold what was recorded and are for the tenant's auditors.
 */
@Controller('v1/ledger')
export class ProofController {
  readonly #source: ProofSource

  constructor(@Inject(PROOF_SOURCE) source: ProofSource) {
    this.#source = source
  }

  @Get('logs')
  async logs(@Requester() identity: Identity) {
    const { pool, key } = this.#source
    const { tenantId } = await readerOf(pool, identity)
    return { logs: await listLogs(pool, tenantId, key) }
  }

  @Public()
  @Get(':log/checkpoint')
  async checkpoint(@Param('log', logId) log: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const { note } = await this.#log(log)
    void reply.type('text/plain; charset=utf-8')
    return note
  }

  @Public()
  @Get(':log/tile/*')
  async tile(
    @Param('log', logId) log: string,
    @Param('*') path: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const tile = tileAt(path)
    if (tile.level === 'entries') throw new Refused({ code: 'not_found' })
    const bytes = await this.#tile(await this.#log(log), tile)
    void reply.type('application/octet-stream').header('cache-control', `public, max-age=${YEAR_S}, immutable`)
    return bytes
  }

  @Get(':log/tile/entries/*')
  async entries(
    @Requester() identity: Identity,
    @Param('log', logId) log: string,
    @Param('*') path: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { pool, auditorGroup } = this.#source
    const reader = await readerOf(pool, identity)
    const published = await this.#log(log)
    requireAuditor(reader, published, auditorGroup)
    const bytes = await this.#tile(published, tileAt(`entries/${path}`))
    void reply.type('application/octet-stream').header('cache-control', `private, max-age=${YEAR_S}, immutable`)
    return bytes
  }

  /** JSON, or the bare `.tlog-proof` for `Accept: text/plain`. */
  @Public()
  @Get(':log/events/:eventId/proof')
  async proof(
    @Param('log', logId) log: string,
    @Param('eventId', pathParameter(Uuid)) eventId: string,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const published = await this.#log(log)
    const proof = await proveEvent(this.#source.pool, published, eventId)
    if (proof === undefined) throw new Refused({ code: 'not_found' })
    if (accept?.includes('text/plain') !== true) return { log: published.logId, origin: published.origin, ...proof }
    void reply.type('text/plain; charset=utf-8')
    return proof.proof
  }

  @Get(':log/continuations')
  async continuations(@Requester() identity: Identity, @Param('log', logId) log: string): Promise<LogContinuations> {
    const { pool, auditorGroup } = this.#source
    const reader = await readerOf(pool, identity)
    const published = await this.#log(log)
    requireAuditor(reader, published, auditorGroup)
    return listContinuations(pool, published)
  }

  @Public()
  @Get(':log/consistency')
  @EdgeRoute({ query: GrowthQuery })
  async consistency(@Param('log', logId) log: string, @Query() range: Type.Static<typeof GrowthQuery>) {
    const hashes = await proveGrowth(this.#source.pool, await this.#log(log), range)
    if (hashes === undefined) throw new Refused({ code: 'not_found' })
    return { ...range, hashes }
  }

  async #log(id: string): Promise<PublishedLog> {
    const log = await findLog(this.#source.pool, id)
    if (log === undefined) throw new Refused({ code: 'not_found' })
    return log
  }

  async #tile(log: PublishedLog, tile: TileCoordinates): Promise<Buffer> {
    const bytes = await readTile(this.#source.pool, log, tile)
    if (bytes === undefined) throw new Refused({ code: 'not_found' })
    return Buffer.from(bytes)
  }
}

const tileAt = (path: string): TileCoordinates => {
  const tile = parseTilePath(`tile/${path}`)
  if (tile === undefined) throw new Refused({ code: 'not_found' })
  return tile
}
