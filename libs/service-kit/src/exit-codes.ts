/** Exit codes of a service's process. */
export const exitCodes = {
  /** Stopped on request, everything under way was finished. */
  stopped: 0,
  /** Could not start, crashed, or something under way was broken off. */
  failed: 1,
  /** Could not start because the store or the bus did not answer (`EX_TEMPFAIL` of sysexits.h): a later start will do. */
  unavailable: 75,
  /** The configuration is not usable (`EX_CONFIG` of sysexits.h): restarting does not help. */
  config: 78,
} as const
