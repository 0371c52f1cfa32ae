export { demoPeople, demoWorld, type DemoPerson } from './demo-world.ts'
export { type DataDir, openDataDir, type Role, type Secrets } from './open-data-dir/open-data-dir.ts'
export { secretFile } from './open-data-dir/secret-file.ts'
export { prepareStore, type StoreUrls, storeUrls } from './prepare-store/prepare-store.ts'
export { stepPrinter, type StepPrinter } from './print-steps.ts'
export type { Instance, InstanceOptions } from './run-instance.ts'
export { runServices, type ServicesOptions } from './run-services.ts'
export { runStandalone } from './run-standalone.ts'
export { createProxy } from './serve-front/proxy.ts'
export { readiness, type Reports, reportOf } from './serve-front/readiness.ts'
export { front } from './serve-front/route.ts'
export { seedDemo, type Tenants } from './seed-demo/seed-demo.ts'
export { demoIdentities, demoWorkspace } from './start-services/outside.ts'
export {
  roleOf,
  serviceNames,
  type ServiceName,
  settingsOfServices,
  type SettingsOptions,
} from './start-services/settings-of-services.ts'
export { writeCredentials } from './write-credentials.ts'
