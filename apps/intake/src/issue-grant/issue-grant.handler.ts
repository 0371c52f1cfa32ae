import {
  isRefusal,
  refuse,
  type EventData,
  type GrantView,
  type Refusal,
  type SealedIntent,
} from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  intentStream,
  type Keyring,
  newId,
  readFrozen,
  readStanding,
  type RegisterStanding,
  type Subject,
} from '@countersign/event-store'
import { decide, foldIntent, isPublished, type Intent, type ShownKey } from '@countersign/intent'
import { factsOf, type PolicySet } from '@countersign/policy-engine'
import { deniesNow, type ActivePolicy } from '../active-policy.ts'
import type { ClientCaller } from '../caller.ts'
import { executorOf } from '../decide-intent.ts'
import { rememberGrant } from '../issued-grant.ts'
import { noKey, type PresentedKey } from '../prove-key/dpop-proof.ts'
import { readShownKey, useProof } from '../prove-key/presented-proofs.ts'
import { intentOpener, isOutdated } from '../open-intent.ts'
import {
  grantRefused,
  refusalOf,
  refuseCommand,
  roomOf,
  settleAnswer,
  type Answered,
  type Room,
} from '../record-refusal/refused-command.ts'
import type { GrantKeys } from '../signing-key.ts'
import { signGrant } from './grant-token.ts'

export type IssueGrantOptions = {
  readonly store: EventStore
  readonly keyring: Keyring
  readonly policy: ActivePolicy
  readonly keys: GrantKeys
  readonly issuer: string
}

/** The intent and what the decision reads beside it; `closed` when there is nothing to decide. */
type Context =
  | { readonly closed: Refusal }
  | {
      readonly closed?: never
      readonly intent: Intent
      readonly content: SealedIntent
      readonly standing: RegisterStanding
      readonly frozen: boolean
      readonly set: PolicySet | undefined
      readonly key: ShownKey
      readonly executor: Subject
      readonly room: Room
    }

type Issued = { readonly grant: EventData<'GrantIssued'>; readonly intent: Intent; readonly salt: string }
type Answer = Answered<Issued>

const approversOf = (intent: Intent): string[] => intent.review?.verdicts.map(({ person }) => person) ?? []

/**
 * Issues the one grant of an intent, when its executor collects it. Intake decides again from the whole stream: whether
 * approvers still hold their seats, what the active set denies now, what is frozen. Collecting again signs the same grant
 * anew. The token is in the answer only.
 */
export class IssueGrant {
  readonly #options: IssueGrantOptions

  constructor(options: IssueGrantOptions) {
    this.#options = options
  }

  async handle(caller: ClientCaller, intentId: string, presented: PresentedKey = noKey): Promise<GrantView | Refusal> {
    const { store, keyring, policy } = this.#options
    const { tenantId } = caller
    const ref = intentStream(tenantId, intentId)
    const open = await intentOpener(keyring, tenantId)
    const { answer } = await store.execute(
      { streams: [ref] },
      {
        read: async (tx, _commands, loaded): Promise<Context> => {
          const intent = foldIntent(loaded.of(ref).events)
          if (!isPublished(intent)) return { closed: refuse('unknown_intent') }
          const { agent, producer, action, environment, parentAgents = [] } = intent.published
          const asked = {
            tenantId,
            agent: agent.name,
            producer,
            parentAgents,
            groups: intent.review?.seats.map(({ group }) => group) ?? [],
            people: approversOf(intent),
            askedAt: intent.review?.requestedAt ?? null,
          }
          const [content, [standing], [frozen], set, key, executor, room] = await Promise.all([
            open(tx, intent),
            readStanding(tx, [asked]),
            readFrozen(tx, [{ tenantId, producer, agent: agent.name, action, environment }]),
            policy.read(tx, tenantId),
            readShownKey(tx, presented, { tenantId, name: agent.name }),
            executorOf(tx, caller),
            roomOf(tx, tenantId, caller.clientId),
          ])
          if (content === 'erased') return { closed: refuse('intent_closed') }
          if (standing === undefined) throw new Error('the registers did not answer')
          return { intent, content, standing, frozen: frozen ?? true, set, key, executor, room }
        },
        decide: (_command, loaded, context): Decision<Answer> => {
          if (context.closed !== undefined) return { append: [], answer: { refusal: context.closed } }
          const { intent, content } = context
          const facts = factsOf(intent.published, content)
          const outcome = decide(
            {
              type: 'IssueGrant',
              now: loaded.now,
              grantId: newId(),
              executor: context.executor.subjectId,
              clientId: caller.clientId,
              key: context.key,
              denies: deniesNow(context.set, facts),
              frozen: context.frozen,
              outdated: isOutdated(loaded, ref),
              standing: context.standing,
            },
            intent,
          )
          if (isRefusal(outcome)) {
            const event = grantRefused(outcome, { intentId, grantId: null, step: 'collect', by: context.executor })
            return refuseCommand<Issued>({
              tenantId,
              intentId,
              source: caller.clientId,
              refusal: outcome,
              event,
              subject: context.executor,
              room: context.room,
            })
          }
          const issued = [...loaded.of(ref).events, ...outcome].find((event) => event.type === 'GrantIssued')
          const answer: Answer =
            issued === undefined ? {} : { value: { grant: issued.data, intent, salt: content.salt } }
          return { append: [{ stream: ref, events: outcome }], answer }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          await settleAnswer(tx, decided.answer)
          await useProof(tx, presented)
          const grant = decided.answer.value?.grant
          if (grant !== undefined && decided.events.length > 0) {
            await rememberGrant(tx, { grantId: grant.grantId, tenantId, intentId }, grant.expiresAt)
          }
        },
      },
    )
    const refusal = refusalOf(answer)
    if (refusal !== undefined) return refusal
    if (answer.value === undefined) throw new Error('a grant was neither issued nor refused')
    return this.#view(answer.value, tenantId)
  }

  async #view({ grant, intent: { published }, salt }: Issued, tenantId: string): Promise<GrantView> {
    const { keys, issuer } = this.#options
    return {
      grantId: grant.grantId,
      intentId: grant.intentId,
      actionDigest: grant.actionDigest,
      expiresAt: grant.expiresAt,
      token: await signGrant(keys.current, issuer, { tenantId, grant, intent: published }),
      binding: {
        bindingVersion: 1,
        tenant: tenantId,
        intentId: published.intentId,
        agent: published.agent.subjectId,
        onBehalfOf: published.onBehalfOf,
        executor: published.executor.subjectId,
        action: published.action,
        target: published.target,
        environment: published.environment,
        salt,
      },
    }
  }
}
