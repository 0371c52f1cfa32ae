import { GroupName, RuleId, type AssuranceDemand, type Effect, type Seat } from '@countersign/contracts'
import { parseDurationMs } from './duration.ts'
import { readLimit, type Limit } from './limit.ts'
import type { PolicyProblem, PolicyProblemCode } from './policy-set.ts'

/** Bounds of the values that decisions and events can carry. */
const maxTextLength = 256
const maxGroups = 8
const maxSeatsOfAGroup = 8
const minTtlMs = 1_000
const maxTtlMs = 900_000
const minDeadlineMs = 30_000
const maxDeadlineMs = 30 * 86_400_000
const minSignedInMs = 60_000
const maxSignedInMs = 86_400_000

const patternOf = (schema: object) => new RegExp((schema as { pattern: string }).pattern)
const groupName = patternOf(GroupName)
const ruleId = patternOf(RuleId)

const allowed: Record<Effect, readonly string[]> = {
  deny: ['id', 'reason'],
  allow: ['id', 'reason', 'decision', 'ttl', 'limit'],
  review: ['id', 'reason', 'decision', 'seats', 'assurance', 'signed_in_within', 'ttl', 'deadline'],
}
/** What an allow may say besides when it has a limit: who looks once that is reached. */
const beyondLimit = ['seats', 'assurance', 'signed_in_within', 'deadline']
const known = new Set([...allowed.review, ...allowed.allow])

export type ReadRule = {
  readonly id: string
  readonly effect: Effect
  readonly text?: string
  readonly seats: readonly Seat[]
  readonly assurance?: AssuranceDemand
  readonly ttlMs?: number
  readonly deadlineMs?: number
  readonly limit?: Limit
}

/**
 * What a policy's annotations say, or every reason why they can't be used. There are no defaults for what a permit means:
 * it says `@decision("allow")` or `@decision("review")`, and a review says whose seats.
 */
export const readAnnotations = (
  annotations: Readonly<Record<string, string>>,
  cedarEffect: 'permit' | 'forbid',
): { rule: ReadRule; problems: [] } | { rule?: undefined; problems: Omit<PolicyProblem, 'file' | 'line'>[] } => {
  const problems: Omit<PolicyProblem, 'file' | 'line'>[] = []
  const id = annotations['id']
  const problem = (code: PolicyProblemCode, message: string) =>
    problems.push({ code, message, ...(id === undefined ? {} : { rule: id.slice(0, 128) }) })

  if (id === undefined) problem('rule_id_missing', 'the policy has no @id')
  else if (id.length > 128 || !ruleId.test(id)) problem('rule_id_invalid', 'an @id is lower case: a-z 0-9 . _ -')

  const decision = annotations['decision']
  const effect: Effect = cedarEffect === 'forbid' ? 'deny' : decision === 'review' ? 'review' : 'allow'
  if (cedarEffect === 'permit' && decision !== 'allow' && decision !== 'review')
    problem('decision_missing', 'a permit needs @decision("allow") or @decision("review")')

  const isLimited = effect === 'allow' && annotations['limit'] !== undefined
  const fitting = isLimited ? [...allowed.allow, ...beyondLimit] : allowed[effect]
  for (const name of Object.keys(annotations)) {
    if (!known.has(name)) problem('annotation_unknown', `@${name} is not an annotation that anything reads`)
    else if (!fitting.includes(name)) problem('annotation_misplaced', `@${name} means nothing on ${effect}`)
  }

  const text = annotations['reason']
  if (text !== undefined && (text === '' || text.length > maxTextLength))
    problem('annotation_invalid', `@reason has 1 to ${maxTextLength} characters`)

  const seats =
    effect === 'review' || (isLimited && annotations['seats'] !== undefined) ? readSeats(annotations['seats']) : []
  if (seats === undefined)
    problem(
      annotations['seats'] === undefined ? 'seats_missing' : 'annotation_invalid',
      `a review needs @seats("group:count,…"): 1 to ${maxGroups} groups, each once with 1 to ${maxSeatsOfAGroup} people`,
    )
  const level = readLevel(annotations['assurance'])
  if (level === null) problem('annotation_invalid', '@assurance is sso, mfa or webauthn')
  const signedInWithinMs = readDuration(annotations['signed_in_within'], minSignedInMs, maxSignedInMs)
  if (signedInWithinMs === null) problem('annotation_invalid', '@signed_in_within is a duration from PT1M to P1D')
  const ttlMs = readDuration(annotations['ttl'], minTtlMs, maxTtlMs)
  if (ttlMs === null) problem('annotation_invalid', '@ttl is a duration from PT1S to PT15M')
  const deadlineMs = readDuration(annotations['deadline'], minDeadlineMs, maxDeadlineMs)
  if (deadlineMs === null) problem('annotation_invalid', '@deadline is a duration from PT30S to P30D')

  const limit = isLimited ? readLimit(annotations['limit'] ?? '') : undefined
  if (isLimited && limit === undefined)
    problem('annotation_invalid', '@limit is like "20 per PT1H", "1000000 rows per P1D" or "200 per PT1H by producer"')

  if (problems.length > 0 || id === undefined || seats === undefined) return { problems }
  return {
    rule: {
      id,
      effect,
      seats,
      ...(text === undefined ? {} : { text }),
      ...demandOf(level, signedInWithinMs),
      ...(typeof ttlMs === 'number' ? { ttlMs } : {}),
      ...(typeof deadlineMs === 'number' ? { deadlineMs } : {}),
      ...(limit === undefined ? {} : { limit }),
    },
    problems: [],
  }
}

const readSeats = (text: string | undefined): Seat[] | undefined => {
  if (text === undefined) return undefined
  const seats: Seat[] = []
  for (const part of text.split(',')) {
    const [, group, digits] = /^\s*([^:\s]{1,64}):(\d)\s*$/.exec(part) ?? []
    const count = Number(digits)
    if (group === undefined || !groupName.test(group) || count < 1 || count > maxSeatsOfAGroup) return undefined
    if (seats.some((seat) => seat.group === group)) return undefined
    seats.push({ group, count })
  }
  return seats.length <= maxGroups ? seats : undefined
}

const levels: readonly string[] = ['sso', 'mfa', 'webauthn'] satisfies AssuranceDemand['atLeast'][]

const readLevel = (text: string | undefined): AssuranceDemand['atLeast'] | null | undefined => {
  if (text === undefined) return undefined
  return levels.includes(text) ? (text as AssuranceDemand['atLeast']) : null
}

/** A recent sign-in is a sign-in: a rule that only says when asks for `sso`. */
const demandOf = (
  level: AssuranceDemand['atLeast'] | null | undefined,
  signedInWithinMs: number | null | undefined,
): { assurance?: AssuranceDemand } =>
  typeof level === 'string' || typeof signedInWithinMs === 'number'
    ? { assurance: { atLeast: level ?? 'sso', ...(typeof signedInWithinMs === 'number' ? { signedInWithinMs } : {}) } }
    : {}

const readDuration = (text: string | undefined, min: number, max: number): number | null | undefined => {
  if (text === undefined) return undefined
  const ms = parseDurationMs(text)
  return ms === undefined || ms < min || ms > max ? null : ms
}
