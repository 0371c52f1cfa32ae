/** Something that goes wrong, and the step of the demo that has to notice. */
export type SeededFault = { readonly what: string; readonly noticedAt: string }

/**
 * Things that can be made to go wrong on the demo's side, so that CI sees it fail. No service knows of them: the demo does
 * or expects something else, and must notice.
 */
export const faults = {
  'wrong-rule': { what: 'the demo expects a rule that policy does not have', noticedAt: '2 delete' },
  'owner-does-not-click': {
    what: 'the second person clicks where the owner of the agent should be refused',
    noticedAt: 'Dana clicks Approve',
  },
  'no-second-person': { what: 'nobody approves', noticedAt: 'Ben clicks Approve' },
  'no-swap': {
    what: 'the agent redeems as approved where another bucket should be refused',
    noticedAt: 'the agent swaps the bucket',
  },
  'same-redemption': {
    what: 'the grant is used again under the same redemption, which is the same use',
    noticedAt: 'the agent redeems again',
  },
  'other-entry': { what: 'the proof is held against another entry', noticedAt: 'the proof' },
  'no-tampering': { what: 'nothing is edited, so there is nothing to catch', noticedAt: 'tamper' },
  'left-tampered': { what: 'an edited row is not put back before the last check', noticedAt: 'the store after' },
} as const satisfies Record<string, SeededFault>

export type Fault = keyof typeof faults

export const isFault = (name: string): name is Fault => Object.hasOwn(faults, name)
export const faultNames = Object.keys(faults) as Fault[]
