import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@countersign/embedded-postgres'
import type { TestProject } from 'vitest/node'
import type { TestPostgres } from './postgres.ts'

/** Several specs use the server at once, each with pools for every role. */
const maxConnections = 300

/**
 * Vitest global setup: one PostgreSQL with the product's own settings for the whole run, in a folder that goes with it.
 * With `PG_TEST_URL` (superuser, any database) the run uses that server and starts none.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const external = process.env.PG_TEST_URL
  if (external) {
    project.provide('testPostgres', fromUrl(external))
    return async () => undefined
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-spec-'))
  const server = await startEmbeddedPostgres({ dataDir, maxConnections })
  const { host, port, superuser, superuserPassword } = server
  project.provide('testPostgres', { host, port, superuser, superuserPassword })
  return async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

function fromUrl(text: string): TestPostgres {
  const url = new URL(text)
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    superuser: decodeURIComponent(url.username),
    superuserPassword: decodeURIComponent(url.password),
  }
}
