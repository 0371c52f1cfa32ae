import { createHash } from 'node:crypto'
import type { EventData } from '@countersign/contracts'
import type { Limit } from '@countersign/policy-engine'

type Published = EventData<'ActionIntentPublished'>

/**
 * Who takes from a limit with an intent, by what the event says. No name of an agent has a colon, so no agent takes for a
 * producer. Agents of the same owners, those of their producer and of parent agents included, take together; whom an intent is
 * for is the person that is named or, without one, whoever asked. A target is known by its digest only.
 */
export const limitTaker = ({ by }: Limit, published: Published): string => {
  switch (by) {
    case undefined:
      return published.agent.name
    case 'producer':
      return `producer:${published.producer}`
    case 'owner':
      return `owner:${digest(published.owners.toSorted().join(' '))}`
    case 'person':
      return `person:${published.onBehalfOf ?? published.requester}`
    case 'target':
      return `target:${digest(published.target)}`
    case 'tenant':
      return 'tenant:'
    default:
      return by satisfies never
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')
