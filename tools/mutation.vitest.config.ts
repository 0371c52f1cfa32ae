import { defineConfig } from 'vitest/config'

const conditions = ['source', 'module', 'node', 'development|production']

/**
 * The specs that have to notice a mutant of `tools/mutation/stryker.config.json`. The random lives of intents are left out: a
 * sentence has to say what holds, and each mutant would live all of them.
 */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
  test: {
    include: ['libs/intent/src/!(intent.model).spec.ts', 'libs/redaction/src/action-digest.spec.ts'],
    testTimeout: 60_000,
  },
})
