import type { AssuranceDemand, Effect, Seat } from '@countersign/contracts'
import type { Cedar } from './cedar.ts'
import type { Limit } from './limit.ts'
import type { RecordShape } from './shape.ts'

/** Cedar texts as an author writes them: one schema, policies by file name. */
export type PolicySource = { readonly schema: string; readonly policies: Readonly<Record<string, string>> }

/** One policy with what its annotations say. */
export type Rule = {
  readonly id: string
  readonly effect: Effect
  /** Actions that its scope names, groups resolved; undefined when it speaks of any action. */
  readonly actions: ReadonlySet<string> | undefined
  readonly text?: string
  readonly seats: readonly Seat[]
  /** What a yes has to prove; absent when a chat account is enough. */
  readonly assurance?: AssuranceDemand
  readonly ttlMs?: number
  readonly deadlineMs?: number
  /** Of an allow: beyond it the rule asks for its seats, or denies where it names none. */
  readonly limit?: Limit
  readonly file: string
  readonly line?: number
  readonly source: string
}

/** A checked policy set, ready to evaluate. Same digest, same answers. */
export type PolicySet = {
  readonly digest: string
  /** Name and version of the engine, recorded with every decision. */
  readonly engine: string
  readonly rules: ReadonlyMap<string, Rule>
  /** Context that the schema declares for each action. */
  readonly contexts: ReadonlyMap<string, RecordShape>
  readonly schema: string
  readonly prepared: PreparedRules
}

/** What is wrong with a policy set: a code, the rule and the line where known. */
export type PolicyProblem = {
  readonly code: PolicyProblemCode
  readonly message: string
  readonly rule?: string
  readonly file?: string
  readonly line?: number
}

export type PolicyProblemCode =
  | 'too_large'
  | 'too_many_rules'
  | 'no_rules'
  | 'file_name_invalid'
  | 'schema_invalid'
  | 'schema_unsupported'
  | 'syntax_error'
  | 'validation_error'
  | 'rule_suspicious'
  | 'template_not_supported'
  | 'rule_id_missing'
  | 'rule_id_invalid'
  | 'rule_id_duplicate'
  | 'annotation_unknown'
  | 'annotation_invalid'
  | 'annotation_misplaced'
  | 'decision_missing'
  | 'seats_missing'
  | 'engine_failure'

/** Cedar with one prepared set per action; replaced when the instance has failed. */
export type PreparedRules = { cedar: Cedar | undefined; readonly actions: Set<string> }

/** Rules that can speak about an action: those that name it and those that name none. */
export const rulesFor = (set: Pick<PolicySet, 'rules'>, action: string): Rule[] =>
  [...set.rules.values()].filter((rule) => rule.actions === undefined || rule.actions.has(action))

/** Whether a rule names the action; a rule about any action makes none known. */
export const isKnownAction = (set: Pick<PolicySet, 'rules'>, action: string): boolean =>
  [...set.rules.values()].some((rule) => rule.actions?.has(action) === true)
