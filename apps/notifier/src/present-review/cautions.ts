import type { EventData, SealedIntent } from '@countersign/contracts'
import { confusables, hasHiddenText } from '@countersign/redaction'

/** Something in a text that looks like something else, or is not seen at all. */
export type Caution = {
  readonly field: 'target' | 'agent' | 'model' | 'session' | 'parameters' | 'preconditions' | 'rationale'
  readonly kind: 'hidden_text' | 'look_alike'
  /** Code points that look like others, for example `U+0440 looks like p`; the first few. */
  readonly signs: readonly string[]
}

const mostSigns = 5

const cautionsOf = (field: Caution['field'], text: string): Caution[] => {
  const signs = new Set(
    confusables(text).map(
      ({ char, looksLike }) =>
        `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')} looks like ${looksLike}`,
    ),
  )
  return [
    ...(hasHiddenText(text) ? [{ field, kind: 'hidden_text', signs: [] } as const] : []),
    ...(signs.size === 0 ? [] : [{ field, kind: 'look_alike', signs: [...signs].slice(0, mostSigns) } as const]),
  ]
}

/** What a reader should look at twice, in the texts that say what will be done and in the agent's own words. */
export const cautions = (
  { target, agent }: EventData<'ActionIntentPublished'>,
  content: SealedIntent | undefined,
): Caution[] => [
  ...cautionsOf('target', target),
  ...cautionsOf('agent', agent.name),
  ...cautionsOf('model', `${agent.model?.name ?? ''} ${agent.model?.version ?? ''}`.trim()),
  ...cautionsOf('session', agent.session ?? ''),
  ...cautionsOf('parameters', content === undefined ? '' : textsOf(content.parameters)),
  ...cautionsOf('preconditions', textsOf(content?.preconditions ?? null)),
  ...cautionsOf('rationale', content?.rationale?.text ?? ''),
]

/** Keys and strings of a JSON value, each on a line of its own. */
const textsOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  const parts = Array.isArray(value)
    ? value.map(textsOf)
    : Object.entries(value).flatMap(([key, one]) => [key, textsOf(one)])
  return parts.join('\n')
}
