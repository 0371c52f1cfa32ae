export { readPolicyFolder } from './activate-policy-set/read-policy-folder.ts'
export { migratePolicy } from './migrate-policy.ts'
export { policyConfig, type PolicyConfig } from './policy.config.ts'
export { policyService, type PolicyDependencies } from './policy-service.ts'
