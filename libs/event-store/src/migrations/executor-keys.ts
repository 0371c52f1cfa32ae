import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Thumbprint (RFC 7638) of the public key that an agent's executor proves to hold; the key itself comes with each proof.
alter table countersign.agent add column executor_key_thumbprint text
  check (executor_key_thumbprint ~ '^[A-Za-z0-9_-]{43}$');
`

/** Keys of executors, beside the agents they run for. */
export class ExecutorKeys1795330800000 implements MigrationInterface {
  readonly name = 'ExecutorKeys1795330800000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
