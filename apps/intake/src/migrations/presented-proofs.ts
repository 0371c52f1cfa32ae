import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which proofs of possession were presented, for as long as the same could be presented again. */
export class IntakePresentedProofs1795334400000 implements MigrationInterface {
  readonly name = 'IntakePresentedProofs1795334400000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table intake.presented_proof (
  thumbprint text not null,
  proof_id bytea not null,
  presented_at timestamptz(3) not null default clock_timestamp(),
  primary key (thumbprint, proof_id)
);
create index presented_proof_age on intake.presented_proof (presented_at);
grant select, insert, delete on intake.presented_proof to countersign_intake;
`)
  }

  async down(): Promise<void> {
    throw new Error('migrations of intake do not go down')
  }
}
