import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * What became of records that producers wrote and that were not taken: which were refused, so that one that is delivered
 * again is neither recorded nor answered twice, and which wait in quarantine for an operator.
 */
export class IntakeRefusedRecords1763683200002 implements MigrationInterface {
  readonly name = 'IntakeRefusedRecords1763683200002'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
-- A position is used again when a topic is made anew: the digest tells the records apart.
create table intake.refused_record (
  topic text not null,
  position text not null,
  bytes_digest text,
  tenant_id uuid not null,
  code text not null,
  quarantined boolean not null,
  refused_at timestamptz(3) not null default clock_timestamp(),
  primary key (topic, position)
);
create index refused_record_by_age on intake.refused_record (refused_at);
grant select, insert, update, delete on intake.refused_record to countersign_intake;

-- Bytes, key and headers are in countersign.sealed under a key of the row's own id.
create table intake.quarantined (
  quarantine_id uuid primary key,
  tenant_id uuid not null,
  producer text not null,
  topic text not null,
  position text not null,
  group_name text not null,
  reason text not null,
  bytes_digest text,
  byte_count integer not null,
  sealed_id uuid,
  sealed_head_id uuid,
  published_at timestamptz(3) not null,
  quarantined_at timestamptz(3) not null default clock_timestamp(),
  redriven_at timestamptz(3),
  redriven_outcome text,
  redrives integer not null default 0,
  unique nulls not distinct (topic, position, bytes_digest)
);
create index quarantined_of_tenant on intake.quarantined (tenant_id, quarantine_id);
create index quarantined_kept on intake.quarantined (tenant_id, producer)
  where sealed_id is not null and redriven_at is null;
alter table intake.quarantined enable row level security;
create policy named_tenants on intake.quarantined
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]))
  with check (tenant_id = any ((select countersign.named_tenants())::uuid[]));
grant select, insert, update on intake.quarantined to countersign_intake;
`)
  }

  async down(): Promise<void> {
    throw new Error('what was refused is never forgotten by a migration')
  }
}
