import { matchesGlob } from 'node:path'
import { defineConfig } from 'vitest/config'
import { withoutKafka } from './deploy/kafka/src/specs-with-kafka.ts'
import { specPatterns, specsWithDatabase } from './tools/specs-with-database.ts'

// Tests read the TypeScript sources of every package through the `source` export condition: no build is needed.
const conditions = ['source', 'module', 'node', 'development|production']
const withKafka = [
  '{libs,apps,deploy}/*/src/**/*.kafka.spec.ts',
  'test/src/**/*.kafka.spec.ts',
  'libs/bus/src/kafka.spec.ts',
]
/** Stories that every bus has to tell alike; the one that writes to the embedded bus itself is told on Kafka by foreign clients. */
const stories = ['test/src/e2e/!(producer-over-bus).e2e.spec.ts']
/** Fetches 160 MB and starts for two minutes: only when it is asked for. */
const withKeycloak = ['test/src/keycloak/*.spec.ts']
const ofTheirOwn = [...withKafka, ...withKeycloak]
const withDatabase = specsWithDatabase().filter((path) => !ofTheirOwn.some((pattern) => matchesGlob(path, pattern)))
const leftOut = withoutKafka()
// They start a broker of their own each, so one that is named does not do.
const storiesLeftOut = withoutKafka({ ...process.env, KAFKA_BROKERS: '' })
if (leftOut !== undefined) process.stderr.write(`LEFT OUT: the specs on Kafka. ${leftOut}\n`)

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: false } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // One more than the cores of a small machine: much of a test is waiting, for a lease, a session or a deadline to end.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [...specPatterns, 'deploy/*/src/**/*.spec.ts'],
          exclude: [...withDatabase, ...ofTheirOwn],
        },
      },
      {
        extends: true,
        test: {
          name: 'database',
          include: withDatabase,
          globalSetup: ['libs/spec-kit/src/postgres.global-setup.ts'],
        },
      },
      ...(leftOut === undefined
        ? [
            {
              extends: true as const,
              test: {
                name: 'kafka',
                // A start of Java takes a second, or half a minute on a busy machine.
                testTimeout: 120_000,
                hookTimeout: 180_000,
                include: withKafka,
                globalSetup: ['libs/spec-kit/src/postgres.global-setup.ts', 'deploy/kafka/src/kafka.global-setup.ts'],
              },
            },
          ]
        : []),
      ...(process.env.REQUIRE_KEYCLOAK === '1'
        ? [{ extends: true as const, test: { name: 'keycloak', testTimeout: 120_000, include: withKeycloak } }]
        : []),
      ...(storiesLeftOut === undefined
        ? [
            {
              extends: true as const,
              test: { name: 'stories-on-kafka', include: stories, env: { STORIES_ON: 'kafka' } },
            },
          ]
        : []),
    ],
  },
})
