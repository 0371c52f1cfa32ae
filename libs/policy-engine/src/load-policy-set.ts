import type { DetailedError, PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'
import { readAnnotations } from './annotations.ts'
import { openCedar, type Cedar } from './cedar.ts'
import { digestOf } from './digest.ts'
import { undeclarable } from './facts.ts'
import type { PolicyProblem, PolicyProblemCode, PolicySet, PolicySource, Rule } from './policy-set.ts'
import { shapeOf, type RecordShape } from './shape.ts'

/** Largest policy set: what can be activated must be quick to evaluate and small enough to read. */
export const policyLimits = {
  totalBytes: 1_048_576,
  files: 128,
  fileBytes: 131_072,
  rules: 512,
  problems: 100,
} as const

export type LoadedPolicySet =
  | { readonly ok: true; readonly digest: string; readonly set: PolicySet }
  | { readonly ok: false; readonly digest: string; readonly problems: readonly PolicyProblem[] }

/**
 * Reads, checks and prepares a policy set. It is refused as a whole, with every problem found, unless each file parses,
 * each policy passes Cedar's strict validation without a warning, has a unique `@id` and says what it decides.
 * The digest names the texts and the engine version, whether they are usable or not.
 */
export const loadPolicySet = (source: PolicySource): LoadedPolicySet => opened(source, validateRules)

/**
 * Prepares a set that `loadPolicySet` accepted before, as the digest that was recorded then says: it names the texts and the
 * version of the engine that validated them, so they are not validated again, which is a third of the work after a restart.
 * Undefined when the digest names other texts or another engine. Only sets that passed are recorded as active; whoever could
 * write that record without it could as well name a valid set that allows. A rule that errs denies, here as everywhere.
 */
export const acceptedPolicySet = (source: PolicySource, digest: string): PolicySet | undefined => {
  const loaded = opened(source, () => [])
  return loaded.ok && loaded.digest === digest ? loaded.set : undefined
}

const opened = (source: PolicySource, validated: typeof validateRules): LoadedPolicySet => {
  let engine = 'cedar'
  const refused = (problems: readonly PolicyProblem[]): LoadedPolicySet => ({
    ok: false,
    digest: digestOf(source, engine),
    problems: problems.slice(0, policyLimits.problems),
  })
  try {
    const cedar = openCedar()
    engine = `cedar-${cedar.getCedarVersion()}`
    const tooLarge = checkSize(source)
    if (tooLarge.length > 0) return refused(tooLarge)
    const schema = readSchema(cedar, source.schema)
    if ('problems' in schema) return refused(schema.problems)
    const read = readRules(cedar, source.policies, schema.groups)
    if (read.problems.length > 0) return refused(read.problems)
    const invalid = validated(cedar, source.schema, read.rules)
    if (invalid.length > 0) return refused(invalid)
    const digest = digestOf(source, engine)
    const set: PolicySet = {
      digest,
      engine,
      rules: new Map(read.rules.map((rule) => [rule.id, rule])),
      contexts: schema.contexts,
      schema: source.schema,
      prepared: { cedar, actions: new Set() },
    }
    return { ok: true, digest, set }
  } catch (error) {
    // A stack overflow inside the engine is an Error like any other; the instance is dropped with it.
    const message = error instanceof Error ? `the engine failed: ${error.name}` : 'the engine failed'
    return refused([{ code: 'engine_failure', message: `${message}; policies nested this deeply are not accepted` }])
  }
}

const checkSize = ({ schema, policies }: PolicySource): PolicyProblem[] => {
  const files = Object.entries(policies)
  const problems: PolicyProblem[] = []
  const sizes = files.map(([file, text]) => ({ file, bytes: Buffer.byteLength(text) }))
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, Buffer.byteLength(schema))
  if (total > policyLimits.totalBytes)
    problems.push({ code: 'too_large', message: `a set has at most ${policyLimits.totalBytes} bytes` })
  if (files.length > policyLimits.files)
    problems.push({ code: 'too_large', message: `a set has at most ${policyLimits.files} files` })
  for (const { file, bytes } of sizes) {
    if (bytes > policyLimits.fileBytes)
      problems.push({ code: 'too_large', message: `a file has at most ${policyLimits.fileBytes} bytes`, file })
    if (!/^[a-z0-9][a-z0-9._-]{0,100}\.cedar$/.test(file))
      problems.push({ code: 'file_name_invalid', message: 'a file name is lower case and ends in .cedar' })
  }
  return problems
}

type ReadSchema = {
  readonly contexts: ReadonlyMap<string, RecordShape>
  /** For each action and action group, the actions that are it or belong to it. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
}

const readSchema = (cedar: Cedar, text: string): ReadSchema | { problems: PolicyProblem[] } => {
  const answer = cedar.schemaToJsonWithResolvedTypes(text)
  if (answer.type === 'failure')
    return { problems: answer.errors.map((error) => problemOf('schema_invalid', error, text)) }
  const namespace = answer.json['CS']
  if (namespace === undefined)
    return { problems: [{ code: 'schema_unsupported', message: 'the schema declares its types in namespace CS' }] }
  const problems: PolicyProblem[] = []
  const contexts = new Map<string, RecordShape>()
  for (const [name, { appliesTo }] of Object.entries(namespace.actions)) {
    if (appliesTo === undefined || appliesTo.principalTypes.length === 0) continue
    const refuse = (message: string) =>
      problems.push({ code: 'schema_unsupported', message: `action "${name}" ${message}` })
    if (!appliesTo.principalTypes.includes('CS::Agent') || !appliesTo.resourceTypes.includes('CS::Target')) {
      refuse('must apply to principal Agent and resource Target')
      continue
    }
    const context = shapeOf(appliesTo.context ?? { type: 'Record', attributes: {} }, answer.json)
    if (context?.kind !== 'record') {
      refuse('has a context that facts cannot fill: it names an entity type')
      continue
    }
    const at = undeclarable(context)
    if (at !== undefined) refuse(`declares context ${at} otherwise than the facts have it`)
    contexts.set(name, context)
  }
  return problems.length > 0 ? { problems } : { contexts, groups: membersOf(answer.json) }
}

const membersOf = (schema: SchemaJson<string>): Map<string, Set<string>> => {
  const actions = schema['CS']?.actions ?? {}
  const members = new Map<string, Set<string>>()
  const join = (action: string, group: string, seen: Set<string>): void => {
    if (seen.has(group)) return
    seen.add(group)
    members.set(group, (members.get(group) ?? new Set()).add(action))
    for (const parent of actions[group]?.memberOf ?? []) join(action, parent.id, seen)
  }
  for (const action of Object.keys(actions)) join(action, action, new Set())
  return members
}

const readRules = (
  cedar: Cedar,
  policies: Readonly<Record<string, string>>,
  groups: ReadSchema['groups'],
): { rules: Rule[]; problems: PolicyProblem[] } => {
  const rules: Rule[] = []
  const problems: PolicyProblem[] = []
  for (const [file, text] of Object.entries(policies).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = cedar.policySetTextToParts(text)
    if (parts.type === 'failure') {
      problems.push(...parts.errors.map((error) => problemOf('syntax_error', error, text, { file })))
      continue
    }
    if (parts.policy_templates.length > 0)
      problems.push({ code: 'template_not_supported', message: 'a policy has no ?principal or ?resource', file })
    for (const source of parts.policies) {
      const line = lineAt(text, text.indexOf(source))
      const where = { file, ...(line === undefined ? {} : { line }) }
      const parsed = cedar.policyToJson(source)
      if (parsed.type === 'failure') {
        problems.push(...parsed.errors.map((error) => problemOf('syntax_error', error, source, { file })))
        continue
      }
      const { rule, problems: wrong } = readAnnotations(parsed.json.annotations ?? {}, parsed.json.effect)
      problems.push(...wrong.map((problem) => ({ ...problem, ...where })))
      if (rule === undefined) continue
      if (rules.some(({ id }) => id === rule.id))
        problems.push({ code: 'rule_id_duplicate', message: 'another policy has this @id', rule: rule.id, ...where })
      rules.push({ ...rule, ...where, actions: actionsOf(parsed.json, groups), source })
      if (rules.length > policyLimits.rules)
        return {
          rules,
          problems: [{ code: 'too_many_rules', message: `a set has at most ${policyLimits.rules} rules` }],
        }
    }
  }
  if (rules.length === 0 && problems.length === 0)
    problems.push({ code: 'no_rules', message: 'a set without rules would deny everything' })
  return { rules, problems }
}

/** Actions that the scope of a policy names; undefined when it names none. */
const actionsOf = ({ action }: PolicyJson, groups: ReadSchema['groups']): Set<string> | undefined => {
  if (action.op === 'All') return undefined
  const entities = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : []
  const ids = entities.map((entity) => ('__entity' in entity ? entity.__entity.id : entity.id))
  return new Set(ids.flatMap((id) => (action.op === '==' ? [id] : [...(groups.get(id) ?? [])])))
}

const validateRules = (cedar: Cedar, schema: string, rules: readonly Rule[]): PolicyProblem[] => {
  const sources = new Map(rules.map((rule) => [rule.id, rule]))
  const answer = cedar.validate({
    schema,
    policies: { staticPolicies: Object.fromEntries(rules.map(({ id, source }) => [id, source])) },
    validationSettings: { mode: 'strict' },
  })
  if (answer.type === 'failure') return answer.errors.map((error) => problemOf('validation_error', error, ''))
  const locate = (code: PolicyProblemCode) => (found: { policyId: string; error: DetailedError }) => {
    const rule = sources.get(found.policyId)
    const problem = problemOf(code, found.error, rule?.source ?? '', {
      rule: found.policyId,
      ...(rule === undefined ? {} : { file: rule.file }),
    })
    const line = rule?.line === undefined || problem.line === undefined ? rule?.line : rule.line + problem.line - 1
    return { ...problem, ...(line === undefined ? {} : { line }) }
  }
  // A warning is refused too: a forbid that can never apply guards nothing, though its author thinks it does.
  return [
    ...answer.validationErrors.map(locate('validation_error')),
    ...answer.validationWarnings.map(locate('rule_suspicious')),
  ]
}

const problemOf = (
  code: PolicyProblemCode,
  error: DetailedError,
  text: string,
  where: Pick<PolicyProblem, 'file' | 'rule'> = {},
): PolicyProblem => {
  const start = error.sourceLocations?.[0]?.start
  const line = start === undefined ? undefined : lineAt(text, Buffer.from(text).subarray(0, start).toString().length)
  const message = `${error.message}${error.help === null ? '' : ` (${error.help})`}`.slice(0, 500)
  return { code, message, ...where, ...(line === undefined ? {} : { line }) }
}

const lineAt = (text: string, offset: number): number | undefined =>
  offset < 0 ? undefined : text.slice(0, offset).split('\n').length
