/** Exit codes of a service's process. */
export const exitCodes = {
  /** Stopped on request, everything under way was finished. */
  stopped: 0,
  /** Could not start, crashed, or something under way was broken off. */
  failed: 1,
  /** The configuration is not usable (`EX_CONFIG` of sysexits.h): restarting does not help. */
  config: 78,
} as const
