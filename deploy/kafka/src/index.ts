export { missingPrograms } from './required-programs.ts'
export { startTestBroker, type TestBroker } from './test-broker.ts'
