import type { RegisterEvent } from '@countersign/contracts'
import type { CommandHandler, EventStore, StreamRef, Transaction } from '@countersign/event-store'
import { loadPolicySet, type PolicyProblem, type PolicySet, type PolicySource } from '@countersign/policy-engine'
import type { ActiveSets, ActiveSet } from '../active-sets.ts'
import { changedRules } from './changed-rules.ts'
import { policySetStream } from './policy-set-stream.ts'

export type Activation =
  | { readonly status: 'activated' | 'already_active'; readonly digest: string }
  | { readonly status: 'refused'; readonly digest: string; readonly problems: readonly PolicyProblem[] }

type ActivateCommand = {
  readonly tenantId: string
  readonly source: PolicySource
  readonly loaded: ReturnType<typeof loadPolicySet>
  /** Person who asks; null for the set of the first start. */
  readonly by: string | null
  readonly streams: readonly [StreamRef]
}

type Context = ReadonlyMap<string, ActiveSet>
type Answer = { readonly activation: Activation; readonly set?: PolicySet; readonly event?: RegisterEvent }

/**
 * Makes a policy set the active one of a tenant: the event and the register's row in one transaction. A set that does not
 * load is refused with every problem, the attempt is recorded, and the last good set stays active.
 */
export class ActivatePolicySet {
  readonly #store: EventStore
  readonly #sets: ActiveSets

  constructor(store: EventStore, sets: ActiveSets) {
    this.#store = store
    this.#sets = sets
  }

  activate(tenantId: string, source: PolicySource, by: string): Promise<Activation> {
    return this.#execute(tenantId, source, by)
  }

  /** Gives a tenant that has no active set its first one, which counts as reviewed. A tenant that has one keeps it. */
  seed(tenantId: string, source: PolicySource): Promise<Activation> {
    return this.#execute(tenantId, source, null)
  }

  async #execute(tenantId: string, source: PolicySource, by: string | null): Promise<Activation> {
    const command: ActivateCommand = {
      tenantId,
      source,
      by,
      loaded: loadPolicySet(source),
      streams: [policySetStream(tenantId)],
    }
    const { answer } = await this.#store.execute(command, this.#handler)
    return answer.activation
  }

  readonly #handler: CommandHandler<ActivateCommand, Context, Answer> = {
    read: (tx, commands) =>
      this.#sets.read(
        tx,
        commands.map(({ tenantId }) => tenantId),
      ),
    decide: (command, _loaded, active) => {
      const answer = decideActivation(command, active.get(command.tenantId)?.set)
      return {
        append: answer.event === undefined ? [] : [{ stream: command.streams[0], events: [answer.event] }],
        answer,
      }
    },
    effects: async (tx, decided) => {
      for (const { command, answer } of decided)
        if (answer.activation.status === 'activated') await writeActive(tx, command, answer.activation.digest)
    },
  }
}

const decideActivation = ({ loaded, by }: ActivateCommand, active: PolicySet | undefined): Answer => {
  const { digest } = loaded
  if (active !== undefined && (by === null || active.digest === digest))
    return { activation: { status: 'already_active', digest: active.digest } }
  if (!loaded.ok) {
    const [problem] = loaded.problems
    return {
      activation: { status: 'refused', digest, problems: loaded.problems },
      event: {
        type: 'PolicySetRefused',
        data: { digest, by, code: problem?.code ?? 'no_rules', problemCount: Math.max(1, loaded.problems.length) },
      },
    }
  }
  const seeded = by === null
  return {
    activation: { status: 'activated', digest },
    set: loaded.set,
    event: {
      type: 'PolicySetActivated',
      data: {
        digest,
        previousDigest: active?.digest ?? null,
        activatedBy: by,
        seeded,
        ruleCount: loaded.set.rules.size,
        changedRules: changedRules(active, loaded.set),
      },
    },
  }
}

const writeActive = async (
  tx: Transaction,
  { tenantId, source, by }: ActivateCommand,
  digest: string,
): Promise<void> => {
  await tx.query(
    `insert into countersign.policy_set (tenant_id, digest, bundle, seeded, created_by) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, digest) do nothing`,
    [tenantId, digest, JSON.stringify(source), by === null, by],
  )
  await tx.query(
    `insert into countersign.active_policy_set (tenant_id, digest, activated_by) values ($1, $2, $3)
     on conflict (tenant_id) do update
       set digest = excluded.digest, activated_by = excluded.activated_by, activated_at = clock_timestamp()`,
    [tenantId, digest, by],
  )
}
