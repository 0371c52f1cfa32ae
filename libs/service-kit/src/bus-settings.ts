import { readFileSync } from 'node:fs'
import type { KafkaAccess } from '@countersign/bus'
import { Type } from 'typebox'
import { secretSetting } from './config-schema.ts'
import { ConfigError } from './read-config.ts'
import type { Secret } from './secret.ts'

/** Which bus a service is on and how it reaches it; part of every app's schema. */
export const busSettings = {
  BUS: Type.Union([Type.Literal('postgres'), Type.Literal('kafka')], {
    default: 'postgres',
    description: 'Driver of the bus: `postgres` for one machine, `kafka` for anything beyond',
  }),
  KAFKA_BROKERS: Type.Array(Type.String({ pattern: '^[^\\s,]{1,255}:[0-9]{1,5}$' }), {
    default: [],
    description: 'Brokers to ask first, as host:port, with BUS=kafka',
  }),
  KAFKA_USERNAME: Type.Optional(
    Type.String({ maxLength: 255, description: "The service's own principal; absent with a client certificate" }),
  ),
  KAFKA_PASSWORD: Type.Optional(secretSetting({ description: 'Password of KAFKA_USERNAME' })),
  KAFKA_SASL_MECHANISM: Type.Union(
    [Type.Literal('scram-sha-512'), Type.Literal('scram-sha-256'), Type.Literal('plain')],
    { default: 'scram-sha-512', description: 'How name and password are proven' },
  ),
  KAFKA_TLS: Type.Union([Type.Literal('off'), Type.Literal('on')], {
    default: 'off',
    description: 'Whether the listener of the brokers wants TLS',
  }),
  KAFKA_CA_FILE: Type.Optional(
    Type.String({ description: 'Certificates that sign the brokers’, PEM, with KAFKA_TLS=on' }),
  ),
  KAFKA_CERT_FILE: Type.Optional(Type.String({ description: 'Own certificate for mTLS, PEM' })),
  KAFKA_KEY_FILE: Type.Optional(Type.String({ description: 'Key of KAFKA_CERT_FILE, PKCS#8 PEM' })),
}

/** What `busSettings` read. */
export type BusConfig = {
  readonly BUS: 'postgres' | 'kafka'
  readonly KAFKA_BROKERS: readonly string[]
  readonly KAFKA_USERNAME?: string
  readonly KAFKA_PASSWORD?: Secret
  readonly KAFKA_SASL_MECHANISM: 'scram-sha-512' | 'scram-sha-256' | 'plain'
  readonly KAFKA_TLS: 'off' | 'on'
  readonly KAFKA_CA_FILE?: string
  readonly KAFKA_CERT_FILE?: string
  readonly KAFKA_KEY_FILE?: string
}

const problemsOf = (config: BusConfig): string[] => {
  const problems: string[] = []
  if (config.KAFKA_BROKERS.length === 0)
    problems.push('KAFKA_BROKERS: expected host:port, it is not set and BUS is kafka')
  if ((config.KAFKA_USERNAME === undefined) !== (config.KAFKA_PASSWORD === undefined))
    problems.push('KAFKA_USERNAME and KAFKA_PASSWORD: expected both or none')
  if ((config.KAFKA_CERT_FILE === undefined) !== (config.KAFKA_KEY_FILE === undefined))
    problems.push('KAFKA_CERT_FILE and KAFKA_KEY_FILE: expected both or none')
  if (config.KAFKA_TLS === 'off' && (config.KAFKA_CA_FILE ?? config.KAFKA_CERT_FILE) !== undefined)
    problems.push('KAFKA_TLS: expected on, for a certificate is set')
  return problems
}

const pem = (name: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError([`${name}: expected the path of a readable file`])
  }
}

const tlsOf = ({ KAFKA_CA_FILE: ca, KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key }: BusConfig) => ({
  ...(ca === undefined ? {} : { ca: [pem('KAFKA_CA_FILE', ca)] }),
  ...(cert === undefined ? {} : { cert: pem('KAFKA_CERT_FILE', cert) }),
  ...(key === undefined ? {} : { key: pem('KAFKA_KEY_FILE', key) }),
})

/**
 * How the brokers are reached, from a service's settings.
 *
 * @throws ConfigError when the settings contradict each other or a file cannot be read
 */
export const kafkaAccess = (config: BusConfig): Pick<KafkaAccess, 'brokers' | 'ssl' | 'sasl'> => {
  const problems = problemsOf(config)
  if (problems.length > 0) throw new ConfigError(problems)
  const { KAFKA_USERNAME: username, KAFKA_PASSWORD: password, KAFKA_SASL_MECHANISM: mechanism } = config
  return {
    brokers: config.KAFKA_BROKERS,
    ...(config.KAFKA_TLS === 'off' ? {} : { ssl: tlsOf(config) }),
    ...(username === undefined || password === undefined
      ? {}
      : { sasl: { mechanism, username, password: password.reveal() } as KafkaAccess['sasl'] & object }),
  }
}
