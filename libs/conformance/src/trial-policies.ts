import { fileURLToPath } from 'node:url'

/** Folder of the policy set that the guarantees ask under. */
export const trialPolicies = fileURLToPath(new URL('../policies', import.meta.url))
