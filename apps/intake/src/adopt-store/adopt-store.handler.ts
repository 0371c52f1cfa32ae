import { isRefusal, refuse, type AdoptedStoreView, type Refusal, type StoreView } from '@countersign/contracts'
import {
  allTenants,
  type CommandHandler,
  type EventStore,
  findStore,
  intentStream,
  type MarkFolder,
  openIncarnation,
  readStoreExtent,
  readStoreStanding,
  registerStream,
  type StoreExtent,
  type StoreFindings,
  StoreNotAdopted,
  type StreamRef,
  type DeploymentOperators,
  operatesDeployment,
} from '@countersign/event-store'
import { decide, foldIntent } from '@countersign/intent'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { refusedLogs } from '../continue-log/continue-log.handler.ts'
import { openGrants, rememberGrant } from '../issued-grant.ts'

const batchSize = 200

export type AdoptStoreOptions = {
  readonly pool: pg.Pool
  /** Without a guard: what says that the store is adopted is appended before it is. Nothing else may use it. */
  readonly store: EventStore
  readonly marks: MarkFolder
  readonly operators: DeploymentOperators
}

const storeStream = (tenantId: string): StreamRef => registerStream(tenantId, 'store')

/** How many published events the store lacks at most: positions are handed out once, and some are never used. */
const missingAtMost = ({ mark, doubt }: StoreFindings, extent: StoreExtent | undefined): number | undefined => {
  if (mark?.event === undefined) return undefined
  const isHeld = doubt !== 'store_behind_mark' && doubt !== 'store_diverged'
  return isHeld ? 0 : Math.max(0, mark.position - (extent?.position ?? 0))
}

/**
 * Takes a store that was restored, failed over or replaced for the one to go on with. It opens the next incarnation, tells
 * every tenant's history, revokes every grant that is still open, and only then moves the mark: whatever fails before that
 * leaves the store as refused as it was, and can be done again. From then on relay and services go on by themselves.
 *
 * What was lost stays lost: grants and redemptions that the store does not know may have been used. So nothing that was
 * published before is ever granted or redeemed again; the core refuses it by the incarnation of the intent.
 */
export class AdoptStore {
  readonly #options: AdoptStoreOptions

  constructor(options: AdoptStoreOptions) {
    this.#options = options
  }

  /** What the store looks like beside its mark. */
  async read(caller: PersonCaller): Promise<StoreView | Refusal> {
    if (!(await operatesDeployment(this.#options.operators, caller))) return refuse('not_allowed')
    const { pool, marks } = this.#options
    const findings = await findStore(pool, marks)
    const extent = await readStoreExtent(pool)
    const { mark, standing, doubt } = findings
    const missing = missingAtMost(findings, extent)
    const logs = await refusedLogs(pool)
    return {
      incarnation: standing.incarnation,
      openedOn: { systemIdentifier: standing.systemIdentifier, timeline: standing.timeline },
      sameSystem: standing.isSameSystem,
      sameTimeline: standing.isSameTimeline === true,
      ...(doubt === undefined ? {} : { doubt }),
      ...(extent === undefined ? {} : { last: { position: extent.position, recordedAt: extent.recordedAt } }),
      ...(mark === undefined
        ? {}
        : {
            mark: {
              incarnation: mark.incarnation,
              position: mark.position,
              systemIdentifier: mark.systemIdentifier,
              timeline: mark.timeline,
            },
          }),
      ...(missing === undefined ? {} : { missingAtMost: missing }),
      ...(logs.length === 0 ? {} : { logs }),
    }
  }

  async adopt(caller: PersonCaller, reason: string): Promise<AdoptedStoreView | Refusal> {
    if (!(await operatesDeployment(this.#options.operators, caller))) return refuse('not_allowed')
    const { pool, marks } = this.#options
    const { mark, standing, doubt } = await findStore(pool, marks)
    if (doubt === undefined) return refuse('store_in_order')
    // A standby cannot be written, and a mark that cannot be read can hardly be replaced.
    if (doubt === 'store_in_recovery' || doubt === 'store_mark_unreadable') throw new StoreNotAdopted(doubt)
    const extent = await readStoreExtent(pool)
    const incarnation = await openIncarnation(pool)
    await this.#tell(caller, {
      reason,
      doubt,
      fromIncarnation: standing.incarnation,
      toIncarnation: incarnation,
      storePosition: extent?.position ?? null,
      markPosition: mark?.position ?? null,
    })
    const revokedGrants = await this.#revokeGrants(caller.subjectId)
    const { systemIdentifier, timeline } = await readStoreStanding(pool, undefined)
    await marks.replace({ incarnation, xid: '0', position: 0, systemIdentifier, timeline })
    return { fromIncarnation: standing.incarnation, toIncarnation: incarnation, revokedGrants }
  }

  /** Every tenant's history says it; who did it is named where they are known. */
  async #tell(
    { tenantId, subjectId }: PersonCaller,
    adopted: {
      readonly reason: string
      readonly doubt: string
      readonly fromIncarnation: number
      readonly toIncarnation: number
      readonly storePosition: number | null
      readonly markPosition: number | null
    },
  ): Promise<void> {
    const commands = (await allTenants(this.#options.pool)).map((tenant) => ({
      streams: [storeStream(tenant.tenantId)] as const,
      by: tenant.tenantId === tenantId ? subjectId : null,
    }))
    await this.#inBatches(commands, {
      decide: ({ streams: [stream], by }: (typeof commands)[number]) => ({
        append: [{ stream, events: [{ type: 'StoreAdopted' as const, data: { ...adopted, by } }] }],
        answer: undefined,
      }),
    })
  }

  /** Answers how many were revoked. The table names them all: it is written with the events. */
  async #revokeGrants(by: string): Promise<number> {
    let revoked = 0
    for (let after: string | undefined; ; ) {
      const grants = await openGrants(this.#options.pool, { after, limit: batchSize })
      const commands = grants.map((grant) => ({
        streams: [intentStream(grant.tenantId, grant.intentId)] as const,
        grant,
      }))
      await this.#inBatches(commands, {
        decide: ({ streams: [stream], grant }: (typeof commands)[number], loaded) => {
          const { grantId } = grant
          const command = { type: 'RevokeGrant', now: loaded.now, grantId, by, cause: 'store_adopted' } as const
          const outcome = decide(command, foldIntent(loaded.of(stream).events))
          // One that was used, has run out or cannot be read stays as it is: none of them can be redeemed.
          return { append: [{ stream, events: isRefusal(outcome) ? [] : outcome }], answer: grant }
        },
        effects: async (tx, decided) => {
          const ended = decided.filter(({ events }) => events.length > 0)
          for (const { answer } of ended) await rememberGrant(tx, answer, null)
          revoked += ended.length
        },
      })
      after = grants.at(-1)?.grantId
      if (grants.length < batchSize) return revoked
    }
  }

  async #inBatches<C extends { readonly streams: readonly StreamRef[] }, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, undefined, Answer>,
  ): Promise<void> {
    for (let from = 0; from < commands.length; from += batchSize) {
      const outcomes = await this.#options.store.executeBatch(commands.slice(from, from + batchSize), handler)
      for (const outcome of outcomes) if (outcome.status === 'failed') throw outcome.error
    }
  }
}
