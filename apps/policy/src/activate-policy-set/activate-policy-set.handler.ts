import type { RecordedEventOf, RegisterEvent } from '@countersign/contracts'
import type { CommandHandler, EventStore, Loaded, StreamRef, Transaction } from '@countersign/event-store'
import { loadPolicySet, type PolicyProblem, type PolicySource } from '@countersign/policy-engine'
import { isUsable, type ActiveSet, type ActiveSets } from '../active-sets.ts'
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
type Answer = { readonly activation: Activation; readonly event?: RegisterEvent }

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

  /**
   * Gives a tenant its first set, which counts as reviewed. A tenant that has one or ever had one keeps what it has, also
   * when that can't be read here: replacing it is for people.
   */
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
    decide: (command, loaded, active) => {
      const answer = decideActivation(command, active.get(command.tenantId), lastDigest(loaded, command.streams[0]))
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

/** Digest of the set that the tenant's register names last; undefined when nothing was ever activated. */
const lastDigest = (loaded: Loaded, ref: StreamRef): string | undefined => {
  const last = loaded.of(ref).events.findLast(({ type }) => type === 'PolicySetActivated')
  return (last?.data as RecordedEventOf<'PolicySetActivated'>['data'] | undefined)?.digest
}

const decideActivation = (
  { loaded, by }: ActivateCommand,
  active: ActiveSet | undefined,
  last: string | undefined,
): Answer => {
  const { digest } = loaded
  const present = active?.digest ?? last
  // Whether there is a set never depends on whether this version can read it.
  if (by === null && present !== undefined) return { activation: { status: 'already_active', digest: present } }
  if (isUsable(active) && active.digest === digest) return { activation: { status: 'already_active', digest } }
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
    event: {
      type: 'PolicySetActivated',
      data: {
        digest,
        previousDigest: present ?? null,
        activatedBy: by,
        seeded,
        ruleCount: loaded.set.rules.size,
        changedRules: changedRules(present === undefined ? 'nothing' : active?.set, loaded.set),
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
     on conflict (tenant_id, digest) do update set bundle = excluded.bundle`,
    [tenantId, digest, JSON.stringify(source), by === null, by],
  )
  await tx.query(
    `insert into countersign.active_policy_set (tenant_id, digest, activated_by) values ($1, $2, $3)
     on conflict (tenant_id) do update
       set digest = excluded.digest, activated_by = excluded.activated_by, activated_at = clock_timestamp()`,
    [tenantId, digest, by],
  )
}
