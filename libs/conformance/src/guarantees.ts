import type { Guarantee } from './guarantee.ts'
import { aboutBinding } from './guarantees/binding.ts'
import { aboutCallers } from './guarantees/callers.ts'
import { aboutDecisions } from './guarantees/decisions.ts'
import { aboutGrants } from './guarantees/grants.ts'
import { aboutPeople } from './guarantees/people.ts'
import { aboutRecords } from './guarantees/records.ts'
import { aboutStopping } from './guarantees/stopping.ts'

/** All guarantees in the order of their numbers. A number is never given to another guarantee. */
export const guarantees: readonly Guarantee[] = [
  ...aboutPeople,
  ...aboutBinding,
  ...aboutGrants,
  ...aboutDecisions,
  ...aboutStopping,
  ...aboutCallers,
  ...aboutRecords,
].toSorted((one, other) => (one.id < other.id ? -1 : 1))
