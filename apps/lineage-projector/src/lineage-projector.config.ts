import { busSettings, identitySettings, secretSetting, serviceSchema } from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the lineage projector. */
export const lineageProjectorConfig = serviceSchema(3005, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_lineage' }),
  ...busSettings,
  DATABASE_POOL: Type.Integer({ default: 10, minimum: 2, maximum: 100, description: 'Database connections' }),
  BUS_MAC_KEY: secretSetting({ description: 'Key of the MAC on internal records, base64url', minLength: 43 }),
  BUS_MAC_KEY_ID: Type.String({ default: '1', description: 'Names the key of the MAC' }),
  ...identitySettings,
  ANALYST_GROUP: Type.String({ default: 'analysts', description: 'Group whose members read lineage and audit rows' }),
  AUDITOR_GROUP: Type.String({ default: 'auditors', description: 'Group whose members read everything' }),
  AUDIT_CLIENTS: Type.Array(Type.String({ pattern: '^[^:]{1,128}:[0-9a-f-]{36}(@https?://.{1,500})?$' }), {
    default: [],
    description:
      'OAuth clients that read audit rows, as client id, colon, tenant id, and at another issuer than OIDC_ISSUER `@` and the issuer: SIEM collectors',
  }),
  WALK_LIMIT_MS: Type.Integer({
    default: 1_000,
    minimum: 10,
    maximum: 9_000,
    description: 'Time after which a lineage answer is cut and says so',
  }),
})
export type LineageProjectorConfig = Readonly<Type.Static<typeof lineageProjectorConfig>>
