import { busSettings, secretSetting, serviceSchema, storeMarkSettings } from '@countersign/service-kit'
import { Type } from 'typebox'

/** Settings of the relay. */
export const relayConfig = serviceSchema(3006, {
  DATABASE_URL: secretSetting({ description: 'PostgreSQL, as the role countersign_relay' }),
  ...busSettings,
  ...storeMarkSettings,
  BUS_MAC_KEY: secretSetting({ description: 'Key of the MAC on internal records, base64url', minLength: 43 }),
  BUS_MAC_KEY_ID: Type.String({ default: '1', description: 'Names the key of the MAC' }),
})
export type RelayConfig = Readonly<Type.Static<typeof relayConfig>>
