import { randomBytes } from 'node:crypto'
import { type EventData, type SealedIntent, sealedIntentPurpose } from '@countersign/contracts'
import { type EventStore, intentStream, type Keyring, newId, type StreamRef } from '@countersign/event-store'
import { commitment, parametersCommitment } from '@countersign/redaction'

const digest = (letter: string) => `sha256:${letter.repeat(64)}`

type Published = EventData<'ActionIntentPublished'>
export type Asked = Partial<Published> & {
  readonly parameters?: Record<string, unknown>
  readonly rationale?: string
  readonly logs?: readonly string[]
  readonly seats?: EventData<'ReviewRequested'>['seats']
  readonly assurance?: EventData<'ReviewRequested'>['assurance']
  readonly reviewWithinMs?: number
  /** Since when who fills a seat has to hold it; absent asks nothing about then. */
  readonly requestedAt?: string
  readonly tenantId?: string
}

/** An intent under review. */
export type Asking = {
  readonly tenantId: string
  readonly intentId: string
  readonly reviewId: string
  readonly ref: StreamRef
}

type Sources = {
  readonly tenantId: string
  readonly stores: Record<'intake' | 'policy', EventStore>
  readonly keys: Keyring
  readonly owner: string
}

const salt = () => randomBytes(32).toString('base64url')

/** Publishes an intent as intake would and asks for its review as policy would. */
export const ask = async (
  { stores, keys, owner, tenantId: tenant }: Sources,
  {
    parameters = { bucket: 'partner-eu', rows: 12 },
    rationale,
    logs,
    seats = [{ group: 'data-owners', count: 1 }],
    assurance,
    reviewWithinMs = 600_000,
    requestedAt,
    tenantId = tenant,
    ...over
  }: Asked,
): Promise<Asking> => {
  const [intentId, reviewId, sealedId] = [newId(), newId(), newId()]
  const ref = intentStream(tenantId, intentId)
  const content: SealedIntent = {
    salt: salt(),
    parameters,
    preconditions: null,
    ...(rationale === undefined ? {} : { rationale: { salt: salt(), text: rationale } }),
    ...(logs === undefined ? {} : { logs: { salt: salt(), lines: [...logs] } }),
  }
  const sealed = await keys.sealBatch(
    [
      {
        tenantId,
        streamId: intentId,
        sealedId,
        purpose: sealedIntentPurpose,
        plaintext: Buffer.from(JSON.stringify(content)),
      },
    ],
    { newStreams: [ref] },
  )
  const data: Published = {
    intentId,
    producer: 'etl',
    agent: { subjectId: newId(), name: 'etl-bot', kind: 'agent', model: { name: 'm-4' } },
    requester: newId(),
    executor: { subjectId: newId(), clientId: 'etl-bot' },
    onBehalfOf: null,
    owners: [owner],
    delegation: [],
    assertedParties: [],
    action: 'data.export',
    target: 's3://partner-eu/customers',
    environment: 'production',
    payload: {
      sealedId,
      parametersCommitment: parametersCommitment(content.salt, parameters as never),
      ...(content.rationale === undefined
        ? {}
        : { rationaleCommitment: commitment(content.rationale.salt, content.rationale.text) }),
    },
    bindingVersion: 1,
    actionDigest: digest('a'),
    requestFingerprint: `hmac-sha256:${'b'.repeat(64)}`,
    deadline: new Date(Date.now() + 3_600_000).toISOString(),
    ...over,
  }
  await stores.intake.execute(
    { streams: [ref] },
    {
      decide: () => ({ append: [{ stream: ref, events: [{ type: 'ActionIntentPublished', data }] }], answer: 0 }),
      effects: (tx) => keys.writeSealed(tx, sealed),
    },
  )
  const rules = ['exports-need-a-data-owner']
  await stores.policy.execute(
    { streams: [ref] },
    {
      decide: () => ({
        append: [
          {
            stream: ref,
            events: [
              {
                type: 'PolicyEvaluated',
                data: {
                  intentId,
                  policySetDigest: digest('d'),
                  engine: 'cedar-4.13.0',
                  effect: 'review',
                  reasons: [{ rule: 'exports-need-a-data-owner', effect: 'review', text: 'Exports leave the company' }],
                },
              },
              {
                type: 'ReviewRequested',
                data: {
                  intentId,
                  reviewId,
                  rules,
                  seats,
                  ...(assurance === undefined ? {} : { assurance }),
                  deadline: new Date(Date.now() + reviewWithinMs).toISOString(),
                  grantTtlMs: 300_000,
                  ...(requestedAt === undefined ? {} : { requestedAt }),
                  excludedAuthors: [],
                },
              },
            ],
          },
        ],
        answer: 0,
      }),
    },
  )
  return { tenantId, intentId, reviewId, ref }
}
