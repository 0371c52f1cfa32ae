import {
  busSettings,
  identitySettings,
  secretSetting,
  serviceSchema,
  storeMarkSettings,
} from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the policy service. */
export const policyConfig = serviceSchema(3002, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_policy' }),
  ...busSettings,
  ...storeMarkSettings,
  DATABASE_POOL: Type.Integer({ default: 10, minimum: 3, maximum: 100, description: 'Database connections' }),
  DEPLOYMENT_KEY_FILE: Type.String({ description: 'Key under which tenant keys are wrapped (mode 0600)' }),
  BUS_MAC_KEY: secretSetting({ description: 'Key of the MAC on internal records, base64url', minLength: 43 }),
  BUS_MAC_KEY_ID: Type.String({ default: '1', description: 'Names the key of the MAC' }),
  ...identitySettings,
  POLICY_FOLDER: Type.String({
    default: 'policies',
    description: 'Folder of the policy set that a tenant without one starts with: schema.cedarschema and *.cedar',
  }),
  COLLECT_WITHIN_MS: Type.Integer({
    default: 900_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description: 'How long an allowed intent waits for its grant to be collected',
  }),
})
export type PolicyConfig = Readonly<Type.Static<typeof policyConfig>>
