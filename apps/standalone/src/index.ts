export { demoPeople, demoWorld, type DemoPerson } from './demo-world.ts'
export { stepPrinter, type StepPrinter } from './print-steps.ts'
export { runStandalone, type Standalone, type StandaloneOptions } from './run-standalone.ts'
