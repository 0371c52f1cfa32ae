export { missingPrograms } from './required-programs.ts'
export { startBroker, type SecuredBroker, type StartBrokerOptions } from './start-broker.ts'
export { startTestBroker, type TestBroker } from './test-broker.ts'
