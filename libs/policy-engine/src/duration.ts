const pattern = /^P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$/

/** Milliseconds of an ISO 8601 duration of days, hours, minutes and seconds (`PT5M`, `P1DT12H`); undefined for others. */
export const parseDurationMs = (text: string): number | undefined => {
  const match = pattern.exec(text)
  if (match === null || text.endsWith('P') || text.endsWith('T')) return undefined
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0))
  return ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1_000
}
