import type { Seat } from '@countersign/contracts'

export type FilledSeat = { readonly group: string; readonly person: string }

/** A person who may fill seats of the groups they hold. */
export type Candidate = { readonly person: string; readonly groups: readonly string[] }

/**
 * Fills as many seats as possible, each natural person at most one (maximum bipartite matching by augmenting paths).
 * Deterministic in the order of candidates; a candidate listed twice counts once.
 */
export const fillSeats = (seats: readonly Seat[], candidates: readonly Candidate[]): FilledSeat[] => {
  const slots = seats.flatMap((seat) => Array.from({ length: seat.count }, () => seat.group))
  const holder: (number | undefined)[] = slots.map(() => undefined)
  const people = candidates.filter(
    (one, index) => candidates.findIndex(({ person }) => person === one.person) === index,
  )

  const place = (candidate: number, visited: Set<number>): boolean =>
    slots.some((group, slot) => {
      if (visited.has(slot) || !people[candidate]?.groups.includes(group)) return false
      visited.add(slot)
      const occupant = holder[slot]
      if (occupant !== undefined && !place(occupant, visited)) return false
      holder[slot] = candidate
      return true
    })

  people.forEach((_, candidate) => place(candidate, new Set()))
  return slots.flatMap((group, slot) => {
    const occupant = holder[slot]
    const person = occupant === undefined ? undefined : people[occupant]?.person
    return person === undefined ? [] : [{ group, person }]
  })
}

export const seatCount = (seats: readonly Seat[]): number => seats.reduce((sum, seat) => sum + seat.count, 0)
