import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { GrantView, IntentView, ReceiptView, ReviewView } from '@countersign/contracts'
import { callOver } from './call.ts'
import type { Ask, Credential, Gate, Outcome } from './gate.ts'
import { proveInLedger } from './ledger-proof.ts'
import type { Send } from './send.ts'

/** The same outcome with another value. */
const mapped = <From, To>(outcome: Outcome<From>, to: (value: From) => To): Outcome<To> =>
  outcome.accepted ? { ...outcome, value: to(outcome.value) } : outcome

const looks = 300
const lookMs = 10

/** Countersign as everybody sees it: its public HTTP API, and proofs that are checked here. `agent` asks unless a request says. */
export const countersignGate = (send: Send, agent: string): Gate => {
  const call = callOver(send)
  const post = <Body>(as: Credential, path: string, body: Readonly<Record<string, unknown>> = {}) =>
    call<Body>({ method: 'POST', path, as, body })
  const get = <Body>(as: Credential, path: string) => call<Body>({ method: 'GET', path, as })

  const bodyOf = ({ agent: name = agent, smuggled = {}, ...rest }: Ask) => ({ agent: { name }, ...rest, ...smuggled })
  return {
    publish: (as, ask, key = randomUUID()) =>
      call({ method: 'POST', path: '/v1/intents', as, headers: { 'idempotency-key': key }, body: bodyOf(ask) }),
    readIntent: async (as, intentId) => {
      for (let look = 1; ; look++) {
        // A long poll would also wait for the human.
        const read = await get<IntentView>(as, `/v1/intents/${intentId}`)
        if (!read.accepted || read.value.state !== 'published' || look === looks)
          return mapped(read, ({ state, review, code }) => ({
            state,
            ...(review === undefined ? {} : { reviewId: review.reviewId }),
            ...(code === undefined ? {} : { code }),
          }))
        await delay(lookMs)
      }
    },
    readReview: async (as, reviewId) =>
      mapped(await get<ReviewView>(as, `/v1/reviews/${reviewId}`), ({ presentationDigest }) => ({
        shown: presentationDigest,
      })),
    decide: (as, reviewId, { verdict, shown, reason }) =>
      post(as, `/v1/reviews/${reviewId}/verdicts`, { verdict, presentationDigest: shown, reason }),
    collect: async (as, intentId) =>
      mapped(await post<GrantView>(as, `/v1/intents/${intentId}/grant`), ({ grantId, token }) => ({
        grantId,
        secret: token,
      })),
    redeem: (as, { grantId, secret }, { action, target, environment, parameters }, redemptionId) =>
      post<ReceiptView>(as, `/v1/grants/${grantId}/redeem`, {
        token: secret,
        redemptionId,
        action,
        target,
        environment,
        parameters,
      }),
    report: (as, grantId) => post(as, '/v1/executions', { grantId, executionId: randomUUID(), outcome: 'succeeded' }),
    revoke: (as, grantId) => post(as, `/v1/grants/${grantId}/revoke`),
    withdraw: (as, intentId) => post(as, `/v1/intents/${intentId}/withdraw`),
    freeze: (as, environment) => post(as, '/v1/freezes', { scope: { kind: 'environment', environment } }),
    unfreeze: (as, freezeId) => call({ method: 'DELETE', path: `/v1/freezes/${freezeId}`, as }),
    readRecords: async (as, intentId) =>
      mapped(await get<Story>(as, `/v1/intents/${intentId}/story`), ({ steps }) =>
        steps.map(({ eventId, event, code }) => ({
          recordId: eventId,
          event,
          ...(code === undefined ? {} : { code }),
        })),
      ),
    prove: (as, recordId) => proveInLedger(send, as, recordId),
  }
}

type Story = { readonly steps: readonly { readonly eventId: string; readonly event: string; readonly code?: string }[] }
