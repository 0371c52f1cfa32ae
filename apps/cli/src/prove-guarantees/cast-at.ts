import { resolve } from 'node:path'
import { http } from '@countersign/client'
import type { Cast } from '@countersign/conformance'
import { Failure } from '../exit-codes.ts'
import { readCredentials } from '../find-deployment/credentials.ts'
import { openCast } from './open-cast.ts'
import { trialTokens } from './trial-tokens.ts'

/** A rule that only the policy set of the guarantees has. */
const trialRule = 'one-reviewer'

const sameAddress = (one: string, other: string): boolean => new URL(one).origin === new URL(other).origin

/**
 * Registers everybody whom the guarantees need in a running deployment whose data folder is here, with tokens by the key of its
 * own identity provider. @throws Failure when it is another deployment's folder, its identity provider is a real one, or it
 * decides by other rules than the guarantees ask under: then nothing is registered
 */
export const castAt = async (url: string, dataDir: string, signal: AbortSignal): Promise<Cast> => {
  const folder = resolve(dataDir)
  const credentials = await readCredentials(folder)
  if (credentials === undefined || !sameAddress(credentials.baseUrl, url)) {
    throw new Failure(`${folder} is not the data folder of ${url}`, {
      next: 'Name it with --data-dir, or say with --cast who takes part.',
    })
  }
  const tokens = await trialTokens(folder, credentials)
  const call = http(url, () => tokens.person('ben'))
  const { rules } = await call<{ rules: readonly { readonly id: string }[] }>('/v1/policy-sets/active', { signal })
  if (!rules.some(({ id }) => id === trialRule)) {
    throw new Failure('this deployment decides by other rules than the guarantees ask under', {
      next: 'Start one to be thrown away: npm start -- --data-dir .self-test --policies libs/conformance/policies',
    })
  }
  return openCast({ dataDir: folder, credentials: { ...credentials, baseUrl: url } }, signal)
}
