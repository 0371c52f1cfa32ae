import {
  busSettings,
  identitySettings,
  operatorsSettings,
  secretSetting,
  serviceSchema,
  storeMarkSettings,
} from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the notifier service. */
export const notifierConfig = serviceSchema(3003, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_notifier' }),
  ...busSettings,
  ...storeMarkSettings,
  DATABASE_POOL: Type.Integer({ default: 10, minimum: 3, maximum: 100, description: 'Database connections' }),
  DEPLOYMENT_KEY_FILE: Type.String({ description: 'Key under which tenant keys are wrapped (mode 0600)' }),
  BUS_MAC_KEY: secretSetting({ description: 'Key of the MAC on internal records, base64url', minLength: 43 }),
  BUS_MAC_KEY_ID: Type.String({ default: '1', description: 'Names the key of the MAC' }),
  PUBLIC_URL: Type.String({
    default: 'http://127.0.0.1:3003',
    pattern: '^https?://[^\\s]{1,500}$',
    description: 'Base URL under which reviewers reach the deployment',
  }),
  ...operatorsSettings,
  ...identitySettings,
  OIDC_MFA_ACR: Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255}$' }), {
    default: ['mfa'],
    description: 'Values of `acr` by which the issuer says that somebody signed in with several factors',
  }),
  OIDC_MFA_AMR: Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255}$' }), {
    default: ['mfa'],
    description: 'Values of `amr` that say the same',
  }),
  OIDC_PAGES_CLIENT_ID: Type.Optional(
    Type.String({
      pattern: '^[\\x20-\\x7e]{1,255}$',
      description: 'Client at the issuer with which people sign in on pages; there are none without it',
    }),
  ),
  OIDC_PAGES_CLIENT_SECRET: Type.Optional(
    secretSetting({ description: 'Its secret; a client without one is public', minLength: 16 }),
  ),
  COLLECT_WITHIN_MS: Type.Integer({
    default: 900_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description: 'How long an approved intent waits for its grant to be collected',
  }),
  SLACK_API_URL: Type.String({
    default: 'https://slack.com/api/',
    pattern: '^https?://[^\\s]{1,500}/$',
    description: 'Slack Web API, with the slash at its end',
  }),
  SLACK_BOT_TOKEN: Type.Optional(
    secretSetting({ description: 'Bot token of the Slack app; Slack is off without it', minLength: 6 }),
  ),
  SLACK_SIGNING_SECRET: Type.Optional(
    secretSetting({ description: 'Secret with which Slack signs what it sends', minLength: 16 }),
  ),
  SLACK_CHANNELS: Type.Array(Type.String({ pattern: '^[0-9a-f-]{36}=[CGD][A-Z0-9]{2,40}$' }), {
    default: [],
    description: 'Where cards go: `tenant id=channel id`; a tenant that is not named decides over the API only',
  }),
})
export type NotifierConfig = Readonly<Type.Static<typeof notifierConfig>>
