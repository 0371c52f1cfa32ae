import {
  busSettings,
  identitySettings,
  mutualTlsSettings,
  operatorsSettings,
  secretSetting,
  serviceSchema,
  storeMarkSettings,
} from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the intake service. */
export const intakeConfig = serviceSchema(3001, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_intake' }),
  ...busSettings,
  ...storeMarkSettings,
  PUBLIC_URL: Type.String({
    default: 'http://127.0.0.1:3001',
    description: 'Base URL under which clients reach the deployment',
  }),
  ...identitySettings,
  ...mutualTlsSettings,
  DEPLOYMENT_KEY_FILE: Type.String({ description: 'Key under which tenant keys are wrapped (mode 0600)' }),
  GRANT_KEY_FILE: Type.String({ description: 'Ed25519 key that signs grants and receipts (PKCS#8 PEM, mode 0600)' }),
  GRANT_VERIFY_KEYS_FILE: Type.Optional(
    Type.String({
      description: 'JWKS of further public keys that verify grants and are published: former ones, the next',
    }),
  ),
  FREEZE_CREDENTIAL_FILE: Type.Optional(
    Type.String({
      description: 'SHA-256 of the credential that freezes without a sign-in, followed; without it nobody can',
    }),
  ),
  INTENT_DEADLINE_MS: Type.Integer({
    default: 3_600_000,
    minimum: 30_000,
    maximum: 2_592_000_000,
    description: 'Deadline of an intent that names none',
  }),
  REPORT_WITHIN_MS: Type.Integer({
    default: 3_600_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description: 'How long an execution may take to be reported before it is unknown',
  }),
  ...operatorsSettings,
  PEOPLE_CLIENTS: Type.Array(Type.String({ pattern: '^.{1,128}?(@https?://.{1,500})?$' }), {
    default: [],
    description:
      'OAuth clients through which people sign in, as client id, and at another issuer than OIDC_ISSUER `@` and the issuer: never registered as a program’s; those of pages in OIDC_ISSUERS_FILE need not be named',
  }),
  ADMISSION_PER_SECOND: Type.Integer({
    default: 2_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Intents that one producer may publish a second',
  }),
  DATABASE_POOL: Type.Integer({ default: 10, minimum: 2, maximum: 100, description: 'Database connections' }),
})
export type IntakeConfig = Readonly<Type.Static<typeof intakeConfig>>
