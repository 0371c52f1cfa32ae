import {
  isRefusal,
  refuse,
  type EventData,
  type JsonObject,
  type ReceiptView,
  type RedeemGrantBody,
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
  type Subject,
} from '@countersign/event-store'
import {
  actionDifference,
  decide,
  foldIntent,
  isPublished,
  type Difference,
  type Intent,
  type ShownKey,
} from '@countersign/intent'
import { actionDigest, parametersCommitment } from '@countersign/redaction'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'
import { executorOf } from '../decide-intent.ts'
import { readGrantToken } from '../issue-grant/grant-token.ts'
import { findGrant, rememberGrant } from '../issued-grant.ts'
import { intentOpener, isOutdated } from '../open-intent.ts'
import { noKey, type PresentedKey } from '../prove-key/dpop-proof.ts'
import { readShownKey, useProof } from '../prove-key/presented-proofs.ts'
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
import { signReceipt } from './receipt.ts'

export type RedeemGrantOptions = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly keyring: Keyring
  readonly keys: GrantKeys
  readonly issuer: string
  readonly reportWithinMs: number
}

type Answer = Answered<EventData<'GrantRedeemed'>>

/** The intent and what the decision reads beside it; `closed` when there is nothing to decide. */
type Context =
  | { readonly closed: Refusal }
  | {
      readonly closed?: never
      readonly intent: Intent
      readonly content: SealedIntent
      readonly frozen: boolean
      readonly key: ShownKey
      readonly executor: Subject
      readonly room: Room
    }

/** First field of what is about to run that differs from what was approved; names the field, never a value. */
const differenceOf = ({ published }: Intent, content: SealedIntent, body: RedeemGrantBody): Difference | undefined =>
  actionDifference(
    {
      action: published.action,
      target: published.target,
      environment: published.environment,
      parameters: content.parameters as JsonObject,
      preconditions: content.preconditions ?? {},
    },
    {
      action: body.action,
      target: body.target,
      environment: body.environment,
      parameters: body.parameters as JsonObject,
      preconditions: body.preconditions ?? {},
    },
  )

/**
 * The action digest of what is about to run, over the ids and preconditions that were bound: what was observed is compared
 * with these and may lie below an approved bound.
 */
const presentedDigest = (
  intent: Intent,
  { content, body, tenantId }: { content: SealedIntent; body: RedeemGrantBody; tenantId: string },
): string => {
  const { published } = intent
  return actionDigest({
    bindingVersion: 1,
    tenant: tenantId,
    intentId: published.intentId,
    agent: published.agent.subjectId,
    onBehalfOf: published.onBehalfOf,
    executor: published.executor.subjectId,
    action: body.action,
    target: body.target,
    environment: body.environment,
    parametersCommitment: parametersCommitment(content.salt, body.parameters as JsonObject),
    preconditions: content.preconditions,
  })
}

/**
 * Uses a grant once. What the executor is about to run is compared with the sealed original and its digest with the one
 * that was approved; the answer is a signed receipt, the only thing that authorises the run.
 */
export class RedeemGrant {
  readonly #options: RedeemGrantOptions

  constructor(options: RedeemGrantOptions) {
    this.#options = options
  }

  async handle(
    caller: ClientCaller,
    grantId: string,
    body: RedeemGrantBody,
    presented: PresentedKey = noKey,
  ): Promise<ReceiptView | Refusal> {
    const { pool, store, keyring, keys, issuer, reportWithinMs } = this.#options
    const { tenantId, clientId } = caller
    const grant = await findGrant(pool, grantId, tenantId)
    if (grant === undefined) return refuse('unknown_grant')
    const { intentId } = grant
    const ref = intentStream(tenantId, intentId)
    const [open, claims] = await Promise.all([
      intentOpener(keyring, tenantId),
      readGrantToken(body.token, { keys, issuer }),
    ])
    const { answer } = await store.execute(
      { streams: [ref] },
      {
        read: async (tx, _commands, loaded): Promise<Context> => {
          const intent = foldIntent(loaded.of(ref).events)
          if (!isPublished(intent)) return { closed: refuse('unknown_grant') }
          const { producer, agent, action, environment } = intent.published
          const [content, [frozen], executor, key, room] = await Promise.all([
            open(tx, intent),
            readFrozen(tx, [{ tenantId, producer, agent: agent.name, action, environment }]),
            executorOf(tx, caller),
            readShownKey(tx, presented, { tenantId, name: agent.name }),
            roomOf(tx, tenantId, clientId),
          ])
          if (content === 'erased') return { closed: refuse('intent_closed') }
          return { intent, content, frozen: frozen ?? true, key, executor, room }
        },
        decide: (_command, loaded, context): Decision<Answer> => {
          if (context.closed !== undefined) return { append: [], answer: { refusal: context.closed } }
          const { intent, content } = context
          const differs = differenceOf(intent, content, body)
          const outcome = decide(
            {
              type: 'RedeemGrant',
              now: loaded.now,
              tenantId,
              grantId,
              executor: context.executor.subjectId,
              clientId,
              key: context.key,
              claims,
              redemptionId: body.redemptionId,
              receiptId: newId(),
              presentedDigest: presentedDigest(intent, { content, body, tenantId }),
              ...(body.actionDigest === undefined ? {} : { statedDigest: body.actionDigest }),
              ...(differs === undefined ? {} : { differs }),
              frozen: context.frozen,
              outdated: isOutdated(loaded, ref),
              reportWithinMs,
            },
            intent,
          )
          if (isRefusal(outcome)) {
            const event = grantRefused(outcome, { intentId, grantId, step: 'redeem', by: context.executor })
            return refuseCommand<EventData<'GrantRedeemed'>>({
              tenantId,
              intentId,
              source: clientId,
              refusal: outcome,
              event,
              subject: context.executor,
              room: context.room,
            })
          }
          const redeemed = [...loaded.of(ref).events, ...outcome].find((event) => event.type === 'GrantRedeemed')
          const answer: Answer = redeemed === undefined ? {} : { value: redeemed.data }
          return { append: [{ stream: ref, events: outcome }], answer }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          await settleAnswer(tx, decided.answer)
          await useProof(tx, presented)
          const redeemed = decided.answer.value
          if (redeemed !== undefined && decided.events.length > 0) await rememberGrant(tx, grant, redeemed.reportBefore)
        },
      },
    )
    const refusal = refusalOf(answer)
    if (refusal !== undefined) return refusal
    if (answer.value === undefined) throw new Error('a grant was neither redeemed nor refused')
    const { receiptId, redemptionId, actionDigest: bound, redeemedAt, reportBefore } = answer.value
    const receipt = await signReceipt(keys.current, issuer, answer.value)
    return { receiptId, redemptionId, grantId, intentId, actionDigest: bound, redeemedAt, reportBefore, receipt }
  }
}
