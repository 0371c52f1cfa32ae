import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, IsoTime, Uuid } from './primitives.ts'

const Visible = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[!-~]+$' })

/** What the broker refused to a principal, as its authorizer's log tells it: attempts of one kind from one address. */
const refused = {
  principal: { ...Visible(128), description: 'As the broker authenticated it, without its type' },
  operation: Type.String({ pattern: '^[A-Z_]{1,40}$', description: 'Kafka’s name of the operation' }),
  resourceType: Type.String({ pattern: '^[A-Za-z]{1,40}$' }),
  resource: { ...Visible(255), description: 'As the client named it, whether there is one or not' },
  host: { ...Visible(64), description: 'Address that the client came from' },
  firstAt: IsoTime,
  lastAt: IsoTime,
  count: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
} as const

export const BrokerRefusalFound = event({
  name: 'BrokerRefusalFound',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/record-broker-refusals',
  consumers: [],
  noConsumerBecause: 'evidence of what the broker refused; nothing follows from it by itself',
  data: closed({
    ...refused,
    isProducer: Type.Boolean({ description: 'A producer is registered under the name of the principal' }),
    by: Type.Union([Uuid, Type.Null()], { description: 'Who brought the log; null in the history of other tenants' }),
  }),
})

/** Body of `POST /v1/broker-refusals`. */
export const BrokerRefusals = closed({ refusals: Type.Array(closed(refused), { minItems: 1, maxItems: 200 }) })
export type BrokerRefusals = Type.Static<typeof BrokerRefusals>

/** Answer of `POST /v1/broker-refusals`, in the order of the body. */
export const RecordedBrokerRefusals = closed({
  refusals: Type.Array(
    closed({
      recorded: Type.Boolean(),
      isProducer: Type.Boolean(),
      recordedUpTo: Type.Optional({
        ...IsoTime,
        description: 'The last attempt of the kind that was recorded before: only what came later is to be sent',
      }),
    }),
  ),
})
export type RecordedBrokerRefusals = Type.Static<typeof RecordedBrokerRefusals>
