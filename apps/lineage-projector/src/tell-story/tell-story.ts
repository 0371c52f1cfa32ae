import { isRefusalCode, refusals, type RecordedEventOf } from '@countersign/contracts'
import { textPath, type NameSubject } from '@countersign/lineage-graph'

export type StoryStep = {
  readonly at: string
  readonly event: RecordedEventOf['type']
  /** Looks the step up in the ledger. */
  readonly eventId: string
  /** One plain sentence. */
  readonly text: string
  readonly actor?: { readonly id: string; readonly name: string }
  readonly channel?: string
  readonly code?: string
  readonly rules?: readonly string[]
}

export type Story = {
  readonly intentId: string
  /** The whole of it in a line. */
  readonly path: string
  readonly steps: readonly StoryStep[]
}

type Told = Omit<StoryStep, 'at' | 'event' | 'eventId' | 'actor'> & { readonly by?: string }

const places = { api: 'over the API', slack: 'in Slack', teams: 'in Teams', console: 'in the console' } as const

/**
 * Tells one intent's life from its own stream and its attempts, in the order in which it happened: sentences with who,
 * where and why. Parameters, rationale and comments are sealed and not part of it.
 */
export const tellStory = (events: readonly RecordedEventOf[], name: NameSubject): Story => {
  const ordered = [...events].sort((one, other) =>
    order(one) < order(other) ? -1 : order(one) > order(other) ? 1 : one.version - other.version,
  )
  const agentNames = new Map(
    ordered.flatMap((event) =>
      event.type === 'ActionIntentPublished' ? [[event.data.agent.subjectId, event.data.agent.name] as const] : [],
    ),
  )
  const named = (subject: string) => agentNames.get(subject) ?? name(subject)
  return {
    intentId: ordered[0]?.streamId ?? '',
    path: textPath(ordered, named),
    steps: ordered.flatMap((event) => {
      const told = tell(event, named)
      if (told === undefined) return []
      const { by, ...step } = told
      return [
        {
          at: event.recordedAt,
          event: event.type,
          eventId: event.eventId,
          ...step,
          ...(by === undefined ? {} : { actor: { id: by, name: named(by) } }),
        },
      ]
    }),
  }
}

// Streams are ordered by version; between the two streams of an intent the time decides, decisions first.
const order = (event: RecordedEventOf) => `${event.recordedAt} ${event.kind === 'intent' ? 0 : 1}`

const because = (code: string) => (isRefusalCode(code) ? `${refusals[code].title} (${code})` : code)
const times = (count: number) => (count === 1 ? '' : ` ${count} times`)
const list = (rules: readonly string[]) => rules.join(', ')

const tell = (event: RecordedEventOf, name: NameSubject): Told | undefined => {
  switch (event.type) {
    case 'ActionIntentPublished': {
      const { agent, action, target, environment, onBehalfOf } = event.data
      const model = agent.model === undefined ? '' : `, driven by ${agent.model.name},`
      const behalf = onBehalfOf === null ? '' : ` on behalf of ${name(onBehalfOf)}`
      return {
        text: `${agent.name}${model} asked for ${action} on ${target} in ${environment}${behalf}.`,
        by: agent.subjectId,
      }
    }
    case 'PolicyEvaluated': {
      const rules = event.data.reasons.map(({ rule }) => rule)
      return {
        text: `Policy was evaluated and said ${event.data.effect}${rules.length === 0 ? '' : `, by ${list(rules)}`}.`,
        rules,
        ...(event.data.code === undefined ? {} : { code: event.data.code }),
      }
    }
    case 'IntentAllowed':
      return { text: `No human was needed: ${list(event.data.rules) || 'policy'} allows it.`, rules: event.data.rules }
    case 'IntentDenied':
      return {
        text: `It was denied: ${event.data.rules.length === 0 ? because(event.data.code) : list(event.data.rules)}.`,
        code: event.data.code,
        rules: event.data.rules,
      }
    case 'ReviewRequested': {
      const seats = event.data.seats.map(({ group, count }) => `${count} of ${group}`).join(' and ')
      return {
        text: `It had to wait for a human decision: ${seats}, until ${event.data.deadline}.`,
        rules: event.data.rules,
      }
    }
    case 'ReviewPresented': {
      const { reader, channel } = event.data
      return reader === null
        ? { text: `A card was made for reviewers ${places[channel]}.`, channel }
        : { text: `${name(reader)} read the review ${places[channel]}.`, channel, by: reader }
    }
    case 'ReviewDelivered':
      return { text: `The card was delivered ${places[event.data.channel]}.`, channel: event.data.channel }
    case 'ReviewDeliveryFailed': {
      const { channel, code, attempt } = event.data
      return { text: `The card could not be delivered ${places[channel]}, attempt ${attempt}.`, channel, code }
    }
    case 'VerdictRecorded': {
      const { person, verdict, channel } = event.data
      return {
        text: `${name(person)} ${verdict === 'approve' ? 'approved' : 'denied'} ${places[channel]}.`,
        channel,
        by: person,
      }
    }
    case 'VerdictRefused':
    case 'VerdictTooLate': {
      const { person, verdict, channel, code, count } = event.data
      const who = person === null ? 'Somebody unknown' : name(person)
      return {
        text: `${who} tried to ${verdict}${times(count)} ${places[channel]} and was refused: ${because(code)}.`,
        channel,
        code,
        ...(person === null ? {} : { by: person }),
      }
    }
    default:
      return tellEnd(event, name)
  }
}

/** From the end of the decision on. Register events are no part of an intent's story. */
const tellEnd = (event: RecordedEventOf, name: NameSubject): Told | undefined => {
  switch (event.type) {
    case 'ReviewApproved':
      return { text: `Every seat was filled; the grant could be collected until ${event.data.collectBefore}.` }
    case 'ReviewDenied':
      return { text: `The review ended with ${name(event.data.by)}'s denial.`, by: event.data.by }
    case 'IntentWithdrawn':
      return { text: `The request was withdrawn by ${name(event.data.by)}.`, by: event.data.by }
    case 'IntentExpired':
      return { text: 'Nobody decided in time, so it was refused.', code: 'intent_expired' }
    case 'GrantIssued': {
      const { executor, expiresAt } = event.data
      return { text: `${name(executor)} collected a grant for one use until ${expiresAt}.`, by: executor }
    }
    case 'GrantRefused': {
      const { step, code, pointer, count, by } = event.data
      const where = pointer === undefined ? '' : `, at ${pointer}`
      return {
        text: `An attempt to ${step} the grant was refused${times(count)}: ${because(code)}${where}.`,
        code,
        ...(by === null ? {} : { by }),
      }
    }
    case 'GrantRedeemed':
      return { text: 'The grant was used for exactly the action that was approved.' }
    case 'GrantRevoked':
      return { text: `${name(event.data.by)} revoked the grant.`, code: event.data.cause, by: event.data.by }
    case 'GrantExpired':
      return { text: 'The grant ran out unused.', code: 'grant_expired' }
    case 'ExecutionStarted':
      return { text: 'The action began.' }
    case 'ExecutionSucceeded': {
      const { rows } = event.data
      return { text: `The action succeeded${rows === undefined ? '' : ` and reported ${rows} rows`}.` }
    }
    case 'ExecutionFailed':
      return { text: `The action failed: ${event.data.code}.`, code: event.data.code }
    case 'ExecutionUnknown':
      return { text: 'Nobody reported how the action ended.', code: event.data.code }
    case 'ExecutionReconciled':
      return { text: `${name(event.data.by)} found out that the action ${event.data.outcome}.`, by: event.data.by }
    case 'CommandRefused': {
      const { command, code, count, by } = event.data
      return {
        text: `The command ${command} was refused${times(count)}: ${because(code)}.`,
        code,
        ...(by === null ? {} : { by }),
      }
    }
    default:
      return undefined
  }
}
