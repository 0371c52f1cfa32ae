import { defineConfig } from 'vitest/config'
import { specPatterns, specsWithDatabase } from './tools/specs-with-database.ts'

// Tests read the TypeScript sources of every package through the `source` export condition: no build is needed.
const conditions = ['source', 'module', 'node', 'development|production']
const withDatabase = specsWithDatabase()

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: false } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include: specPatterns, exclude: withDatabase } },
      {
        extends: true,
        test: {
          name: 'database',
          include: withDatabase,
          globalSetup: ['libs/spec-kit/src/postgres.global-setup.ts'],
        },
      },
    ],
  },
})
