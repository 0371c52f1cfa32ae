import type {
  AssuranceDemand,
  Channel,
  EventData,
  JsonObject,
  Reason,
  Seat,
  SealedIntent,
} from '@countersign/contracts'
import type { Intent, ReviewState } from '@countersign/intent'
import { canonicalJson, redactText, redactValue, sha256, visibleText } from '@countersign/redaction'
import { cautions, type Caution } from './cautions.ts'

export type ShownPerson = { readonly person: string; readonly name: string }

/**
 * What a reviewer is shown. Its digest is what a verdict names. Every text in it shows what is hidden in it and has its
 * secrets redacted; it still has to be shown as plain text, never as markup.
 */
export type Presentation = {
  readonly presentationVersion: 1
  readonly channel: Channel
  readonly intentId: string
  readonly reviewId: string
  readonly actionDigest: string
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly agent: {
    readonly name: string
    readonly kind: string
    readonly model: string | null
    readonly session: string | null
  }
  readonly producer: string
  readonly executor: string
  readonly onBehalfOf: ShownPerson | null
  readonly owners: readonly ShownPerson[]
  /** Pretty JSON after redaction; null when it was erased. */
  readonly parameters: string | null
  readonly preconditions: string | null
  /** What the requester claims, unverified. */
  readonly claims: {
    readonly rationale: string | null
    readonly impact: NonNullable<EventData<'ActionIntentPublished'>['impact']> | null
    /** The newest lines, and how many came before them. */
    readonly logs: { readonly lines: readonly string[]; readonly omitted: number }
  }
  readonly policy: {
    readonly digest: string | null
    readonly rules: readonly string[]
    readonly reasons: readonly Reason[]
  }
  readonly seats: readonly Seat[]
  /** What a yes has to prove; absent when a chat account is enough. */
  readonly assurance?: AssuranceDemand
  readonly deadline: string
  readonly cautions: readonly Caution[]
  /** How often the same was denied in the 24 hours before; absent when it was not. */
  readonly deniedBefore?: number
  /** How many people hold a seat on one person's word, as nobody else could review who put them there; absent when nobody does. */
  readonly seatsOnOneWord?: number
  /** Everything is shown. What is not cannot be approved. */
  readonly complete: boolean
}

export type PresentationSource = {
  readonly channel: Channel
  readonly intent: Intent
  readonly review: ReviewState
  readonly rules: readonly string[]
  /** Undefined when its key was destroyed. */
  readonly content: SealedIntent | undefined
  readonly nameOf: (person: string) => string | undefined
  readonly deniedBefore: number
  readonly seatsOnOneWord: number
  /** How many of the newest log lines are shown, and how much of each. */
  readonly logs: { readonly lines: number; readonly lineLength: number }
}

const line = (text: string): string => visibleText(redactText(text))
const block = (text: string): string => visibleText(redactText(text), { lineBreaks: 'keep' })
const json = (value: JsonObject): string =>
  visibleText(JSON.stringify(redactValue(value), null, 2), { lineBreaks: 'keep' })

type Impact = EventData<'ActionIntentPublished'>['impact']
const impactOf = (impact: Impact): NonNullable<Impact> | null =>
  impact === undefined
    ? null
    : { ...impact, ...(impact.dataClasses === undefined ? {} : { dataClasses: impact.dataClasses.map(line) }) }

const logsOf = (lines: readonly string[], most: PresentationSource['logs']) => {
  const shown = lines.slice(Math.max(0, lines.length - most.lines))
  return {
    lines: shown.map((text) => visibleText(redactText(text), { maxLength: most.lineLength })),
    omitted: lines.length - shown.length,
  }
}

/**
 * Renders an intent under review for a channel. Pure: the same intent, content and names give the same presentation, so a
 * card that is sent again has the digest that was recorded.
 */
export const presentationOf = (source: PresentationSource): Presentation => {
  const { channel, intent, review, rules, content, nameOf } = source
  const { published, evaluation } = intent
  const { agent } = published
  const shownPerson = (person: string): ShownPerson => ({ person, name: line(nameOf(person) ?? 'unknown person') })
  return {
    presentationVersion: 1,
    channel,
    intentId: published.intentId,
    reviewId: review.reviewId,
    actionDigest: published.actionDigest,
    action: line(published.action),
    target: line(published.target),
    environment: line(published.environment),
    agent: {
      name: line(agent.name),
      kind: agent.kind,
      model: agent.model === undefined ? null : line([agent.model.name, agent.model.version ?? ''].join(' ').trim()),
      session: agent.session === undefined ? null : line(agent.session),
    },
    producer: published.producer,
    executor: line(published.executor.clientId),
    onBehalfOf: published.onBehalfOf === null ? null : shownPerson(published.onBehalfOf),
    owners: published.owners.map(shownPerson),
    parameters: content === undefined ? null : json(content.parameters as JsonObject),
    preconditions: content?.preconditions == null ? null : json(content.preconditions),
    claims: {
      rationale:
        content?.rationale === undefined || content.rationale.text === '' ? null : block(content.rationale.text),
      impact: impactOf(published.impact),
      logs: logsOf(content?.logs?.lines ?? [], source.logs),
    },
    policy: {
      digest: evaluation?.policySetDigest ?? null,
      rules: [...rules],
      reasons: (evaluation?.reasons ?? []).map(({ text, ...reason }) =>
        text === undefined ? reason : { ...reason, text: line(text) },
      ),
    },
    seats: review.seats.map((seat) => ({ ...seat })),
    ...(review.assurance === undefined ? {} : { assurance: review.assurance }),
    deadline: review.deadline,
    cautions: cautions(published, content),
    ...(source.deniedBefore === 0 ? {} : { deniedBefore: source.deniedBefore }),
    ...(source.seatsOnOneWord === 0 ? {} : { seatsOnOneWord: source.seatsOnOneWord }),
    complete: content !== undefined,
  }
}

/** SHA-256 over RFC 8785 of what is shown. */
export const presentationDigest = (presentation: Presentation): string => sha256(canonicalJson(presentation))
