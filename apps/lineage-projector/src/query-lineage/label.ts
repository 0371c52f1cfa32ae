import { verbOf, type LineageNode } from '@countersign/lineage-graph'

/** What a drawing writes on a node, when it is no person with a name. */
export const labelOf = ({ kind, key, attributes }: LineageNode): string => {
  const value = (name: string) => attributes[name]?.[1]
  switch (kind) {
    case 'agent':
      return String(value('name') ?? value('clientId') ?? key)
    case 'intent':
      return value('action') === undefined ? key : `${verbOf(String(value('action')))} ${String(value('target'))}`
    case 'policy_set':
      return `policy set ${key.slice('sha256:'.length, 'sha256:'.length + 8)}`
    case 'review':
    case 'grant':
    case 'execution':
      return value('state') === undefined ? kind : `${kind} ${String(value('state'))}`
    case 'model':
    case 'person':
    case 'session':
    case 'producer':
    case 'rule':
    case 'dataset':
      return key
    default:
      return kind satisfies never
  }
}
