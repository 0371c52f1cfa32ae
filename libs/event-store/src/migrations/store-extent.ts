import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- The last event of the store in the order of readers, for whoever decides whether to adopt it. Row security does not reach
-- in here, so nothing is answered but its place and time.
create function countersign.store_extent(out last_position bigint, out last_recorded_at timestamptz)
language sql stable security definer set search_path = pg_catalog, countersign, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
  select e.position, e.recorded_at from event e order by e.incarnation desc, e.xid desc, e.position desc limit 1
$$;
revoke all on function countersign.store_extent() from public;
grant execute on function countersign.store_extent() to countersign_intake;
`

/** How far a store goes. */
export class StoreExtent1795305600001 implements MigrationInterface {
  readonly name = 'StoreExtent1795305600001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
