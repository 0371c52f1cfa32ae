import type { EventData, ImpactClaim, JsonObject, JsonValue, PrincipalKind, SealedIntent } from '@countersign/contracts'
import { fit, type RecordShape, type Shape } from './shape.ts'

/**
 * What is known about an intent when it is evaluated. There is no clock in it: a decision replays to the same answer.
 * `parameters` are the opened ones; rules see only those that the action's schema declares.
 */
export type Facts = {
  readonly agent: string
  readonly principalKind: PrincipalKind
  readonly producer: string
  readonly action: string
  readonly target: string
  readonly environment: string
  /** Whether a person is named for whom the agent acts. */
  readonly onBehalfOf: boolean
  readonly model?: { readonly name: string; readonly version?: string }
  /** What the requester claims; nobody has checked it. */
  readonly impact?: ImpactClaim
  readonly parameters: JsonObject
}

/** The facts of an intent: what its event says, and its opened parameters. The same for every evaluation of it. */
export const factsOf = (
  published: EventData<'ActionIntentPublished'>,
  { parameters }: Pick<SealedIntent, 'parameters'>,
): Facts => ({
  agent: published.agent.name,
  principalKind: published.agent.kind,
  producer: published.producer,
  action: published.action,
  target: published.target,
  environment: published.environment,
  onBehalfOf: published.onBehalfOf !== null,
  ...(published.agent.model === undefined ? {} : { model: published.agent.model }),
  ...(published.impact === undefined ? {} : { impact: published.impact }),
  parameters: parameters as JsonObject,
})

const string: Shape = { kind: 'string' }
const optional = (shape: Shape) => ({ shape, required: false })
const required = (shape: Shape) => ({ shape, required: true })

/** Context attributes that a schema may declare; `parameters` takes any record. */
export const factShape: RecordShape = {
  kind: 'record',
  attributes: new Map([
    ['agent', required(string)],
    ['principalKind', required(string)],
    ['producer', required(string)],
    ['target', required(string)],
    ['environment', required(string)],
    ['onBehalfOf', required({ kind: 'boolean' })],
    [
      'model',
      optional({
        kind: 'record',
        attributes: new Map([
          ['name', required(string)],
          ['version', optional(string)],
        ]),
      }),
    ],
    [
      'impact',
      optional({
        kind: 'record',
        attributes: new Map([
          ['rows', optional({ kind: 'long' })],
          ['bytes', optional({ kind: 'long' })],
          ['reversible', optional({ kind: 'boolean' })],
          ['dataClasses', optional({ kind: 'set', element: string })],
        ]),
      }),
    ],
    ['parameters', required({ kind: 'record', attributes: new Map() })],
  ]),
}

/**
 * Why a declared context can't be filled from the facts: the pointer of the first attribute that is not a fact, has
 * another type, or is required although the fact may be absent. Undefined when it can.
 */
export const undeclarable = (declared: Shape, known: Shape = factShape, at = ''): string | undefined => {
  if (declared.kind === 'set' && known.kind === 'set') return undeclarable(declared.element, known.element, `${at}/-`)
  if (declared.kind !== 'record' || known.kind !== 'record') return declared.kind === known.kind ? undefined : at
  if (at === '/parameters') return undefined
  for (const [name, attribute] of declared.attributes) {
    const fact = known.attributes.get(name)
    if (fact === undefined || (attribute.required && !fact.required)) return `${at}/${name}`
    const inner = undeclarable(attribute.shape, fact.shape, `${at}/${name}`)
    if (inner !== undefined) return inner
  }
  return undefined
}

/** Context for Cedar out of the facts, as the action's schema declares it. */
export const contextOf = (facts: Facts, declared: RecordShape) => fit(facts, declared)

/**
 * The facts that a decision rested on: the given ones with only those parameters that rules could read. Evaluating these
 * again gives the same answer, so they are what is sealed beside the decision.
 */
export const usedFacts = (facts: Facts, context: JsonValue | undefined): Facts => {
  const parameters =
    typeof context === 'object' && context !== null && !Array.isArray(context) ? context['parameters'] : undefined
  return {
    ...facts,
    parameters: typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters) ? parameters : {},
  }
}
