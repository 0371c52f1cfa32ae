import type { EventData, RecordedEventOf, RegisterEventName } from '@countersign/contracts'

/** Whose change of a register it is. What is seeded at the first start has no author and counts as reviewed. */
export type Change = {
  readonly tenantId: string
  /** Why, in their words. */
  readonly reason?: string
} & (
  | { readonly seeded: true; readonly changedBy: null; readonly feed?: never }
  | { readonly seeded: false; readonly changedBy: string; readonly feed?: never }
  /** The identity provider that keeps the directory. */
  | { readonly seeded: false; readonly changedBy: null; readonly feed: string }
)

type RegisterEntry = { readonly type: string; readonly data: unknown }

/** Whether somebody has changed the register since it was seeded: from then on seeding leaves it alone. */
export const isSettled = (events: readonly RegisterEntry[]): boolean =>
  events.some(({ data }) => (data as { seeded?: boolean }).seeded === false)

/** Data of the newest event of a type. */
export const lastOf = <Name extends RegisterEventName>(
  events: readonly RecordedEventOf[],
  type: Name,
): EventData<Name> | undefined => events.findLast((event) => event.type === type)?.data as EventData<Name> | undefined
