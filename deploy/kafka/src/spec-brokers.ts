import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    kafkaBrokers: readonly string[]
  }
}

/** `host:port` of the brokers of this test run; started once by the global setup. */
export const specBrokers = (): readonly string[] => inject('kafkaBrokers')
