import { isRefusal, refuse, type EventData, type GrantView, type Refusal } from '@countersign/contracts'
import {
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
import { isOutdated, openIntent } from '../open-intent.ts'
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
import type pg from 'pg'

export type IssueGrantOptions = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly keyring: Keyring
  readonly policy: ActivePolicy
  readonly keys: GrantKeys
  readonly issuer: string
}

type Context = {
  readonly standing: RegisterStanding
  readonly frozen: boolean
  readonly set: PolicySet | undefined
  readonly key: ShownKey
  readonly executor: Subject
  readonly room: Room
}

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
    const { pool, store, keyring, policy } = this.#options
    const { tenantId } = caller
    const ref = intentStream(tenantId, intentId)
    const opened = await openIntent({ pool, keyring }, ref)
    if (opened === undefined) return refuse('unknown_intent')
    if (opened === 'erased') return refuse('intent_closed')
    const facts = factsOf(opened.intent.published, opened.content)
    const { answer } = await store.execute(
      { streams: [ref] },
      {
        read: async (tx, _commands, loaded): Promise<Context> => {
          const intent = foldIntent(loaded.of(ref).events)
          const people = isPublished(intent) ? approversOf(intent) : []
          const groups = isPublished(intent) ? (intent.review?.seats.map(({ group }) => group) ?? []) : []
          const { agent, producer, action, environment } = facts
          const asked = {
            tenantId,
            agent,
            producer,
            parentAgents: isPublished(intent) ? (intent.published.parentAgents ?? []) : [],
            groups,
            people,
            askedAt: isPublished(intent) ? (intent.review?.requestedAt ?? null) : null,
          }
          const [[standing], [frozen], sets, key, executor, room] = await Promise.all([
            readStanding(tx, [asked]),
            readFrozen(tx, [{ tenantId, producer, agent, action, environment }]),
            policy.read(tx, [tenantId]),
            readShownKey(tx, presented, { tenantId, name: agent }),
            executorOf(tx, caller),
            roomOf(tx, tenantId, caller.clientId),
          ])
          if (standing === undefined) throw new Error('the registers did not answer')
          return { standing, frozen: frozen ?? true, set: sets.get(tenantId), key, executor, room }
        },
        decide: (_command, loaded, context) => {
          const intent = foldIntent(loaded.of(ref).events)
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
            return refuseCommand<EventData<'GrantIssued'>>({
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
          const answer: Answered<EventData<'GrantIssued'>> = issued === undefined ? {} : { value: issued.data }
          return { append: [{ stream: ref, events: outcome }], answer }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          await settleAnswer(tx, decided.answer)
          await useProof(tx, presented)
          const grant = decided.answer.value
          if (grant !== undefined && decided.events.length > 0) {
            await rememberGrant(tx, { grantId: grant.grantId, tenantId, intentId }, grant.expiresAt)
          }
        },
      },
    )
    const refusal = refusalOf(answer)
    if (refusal !== undefined) return refusal
    if (answer.value === undefined) throw new Error('a grant was neither issued nor refused')
    return this.#view(answer.value, opened.intent, { tenantId, salt: opened.content.salt })
  }

  async #view(
    grant: EventData<'GrantIssued'>,
    { published }: Intent,
    { tenantId, salt }: { tenantId: string; salt: string },
  ): Promise<GrantView> {
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
