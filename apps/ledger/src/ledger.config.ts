import { busSettings, identitySettings, secretSetting, serviceSchema } from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the ledger service. */
export const ledgerConfig = serviceSchema(3004, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_ledger' }),
  ...busSettings,
  DATABASE_POOL: Type.Integer({ default: 10, minimum: 3, maximum: 100, description: 'Database connections' }),
  ...identitySettings,
  CHECKPOINT_KEY_FILE: Type.String({
    description: 'Ed25519 key that signs checkpoints (PKCS#8 PEM, mode 0600)',
  }),
  PUBLISHED_MARK_DIR: Type.String({
    description: 'Folder outside of the database that remembers what was published; it must outlive restores',
  }),
  LOG_ORIGIN_HOST: Type.String({
    default: 'countersign.local',
    pattern: '^[a-z0-9.-]{1,200}$',
    description: 'First part of the origin of new logs',
  }),
  AUDITOR_GROUP: Type.String({ default: 'auditors', description: 'Group of the directory whose members read entries' }),
})
export type LedgerConfig = Readonly<Type.Static<typeof ledgerConfig>>
