export { readBrokerLog } from './reconcile-trail/broker-refusals.ts'
export { openCast, type TrialInstance } from './prove-guarantees/open-cast.ts'
export { run, type RunOptions } from './run.ts'
