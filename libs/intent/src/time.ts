/** Whether `limit` is reached: at the very moment of a deadline it has passed. */
export const isPast = (now: string, limit: string): boolean => Date.parse(now) >= Date.parse(limit)

/** `ms` later, ISO 8601. */
export const after = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString()

/** The earlier of two times. */
export const earlier = (one: string, other: string): string => (Date.parse(one) <= Date.parse(other) ? one : other)
