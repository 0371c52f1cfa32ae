import type { Identity } from '@countersign/identity'
import { deepest, isNodeKind, mostNodes } from '@countersign/lineage-graph'
import { EdgeRoute, orRefuse, Refused, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Param, Query } from '@nestjs/common'
import { Type } from 'typebox'
import { READING, type Reading } from '../reading.ts'
import { readerOf, readsEverything } from '../reader.ts'
import { readNeighbourhood, WalkTooSlow, type LineageQuestion } from './read-neighbourhood.ts'
import { readWalkCursor, walkCursor } from './walk-cursor.ts'

/** Text that a key can be; the database takes no U+0000. */
const visible = '^[^\\u0000-\\u001f\\u007f]+$'

const walk = {
  direction: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('both')], { default: 'both' }),
  depth: Type.Integer({ minimum: 0, maximum: deepest, default: 8 }),
  maxNodes: Type.Integer({ minimum: 1, maximum: mostNodes, default: 500 }),
  asOf: Type.Optional(Type.String({ pattern: '^20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,3})?Z$' })),
  after: Type.Optional(Type.String({ maxLength: 512 })),
} as const
const isVisible = new RegExp(visible, 'u')
const WalkQuery = Type.Object(walk)
type WalkQuery = Type.Static<typeof WalkQuery>
const KeyQuery = Type.Object({ key: Type.String({ maxLength: 1_024, pattern: visible }), ...walk })
type KeyQuery = Type.Static<typeof KeyQuery>

/**
 * `GET /v1/lineage/{kind}/{id}`: the neighbourhood of an agent, model, person, dataset, intent or any other node.
 * `GET /v1/lineage/{kind}?key=`: the same for natural keys that no path can hold, as those of datasets with a slash.
 */
@Controller()
export class QueryLineageController {
  readonly #reading: Reading

  constructor(@Inject(READING) reading: Reading) {
    this.#reading = reading
  }

  @Get('v1/lineage/:kind/:id')
  @EdgeRoute({ query: WalkQuery })
  readById(
    @Param('kind') kind: string,
    @Param('id') id: string,
    @Query() query: WalkQuery,
    @Requester() identity: Identity,
  ) {
    return this.#read({ kind, id }, query, identity)
  }

  @Get('v1/lineage/:kind')
  @EdgeRoute({ query: KeyQuery })
  readByKey(@Param('kind') kind: string, @Query() { key, ...query }: KeyQuery, @Requester() identity: Identity) {
    return this.#read({ kind, id: key }, query, identity)
  }

  async #read({ kind, id }: { kind: string; id: string }, query: WalkQuery, identity: Identity) {
    const { pool, rules, walkMs } = this.#reading
    const reader = orRefuse(await readerOf(pool, identity, rules))
    if (!readsEverything(reader, rules)) throw new Refused({ code: 'not_allowed' })
    if (!isNodeKind(kind) || !isVisible.test(id)) throw new Refused({ code: 'not_found' })
    const question = questionOf(query)
    const { direction, depth } = question
    const answer = await readNeighbourhood(
      pool,
      { tenantId: reader.tenantId, kind, id, ...question },
      { walkMs },
    ).catch((error: unknown) => {
      if (error instanceof WalkTooSlow) throw new Refused({ code: 'overloaded', headers: { 'retry-after': '5' } })
      throw error
    })
    if (answer === undefined) throw new Refused({ code: 'not_found' })
    const { next, ...rest } = answer
    return {
      ...rest,
      direction,
      depth,
      ...(next === undefined ? {} : { next: walkCursor({ direction, depth, ...next }) }),
    }
  }
}

const questionOf = (query: WalkQuery): Omit<LineageQuestion, 'tenantId' | 'kind' | 'id'> => {
  const { direction, depth, maxNodes, asOf, after } = query
  if (after === undefined) {
    if (asOf === undefined) return { direction, depth, maxNodes, skip: 0 }
    const at = new Date(asOf)
    // A parser may roll a day that does not exist over to the next month.
    if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(asOf.slice(0, 19)))
      throw new Refused({ code: 'invalid_parameter', pointer: '/asOf' })
    return { direction, depth, maxNodes, skip: 0, asOf: at.toISOString() }
  }
  const continued = readWalkCursor(after)
  if (continued === undefined) throw new Refused({ code: 'invalid_parameter', pointer: '/after' })
  const from = new Date(continued.asOf)
  if (Number.isNaN(from.getTime())) throw new Refused({ code: 'invalid_parameter', pointer: '/after' })
  return { ...continued, maxNodes, asOf: from.toISOString() }
}
