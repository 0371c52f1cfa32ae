import { escapeIdentifier, type ClientBase } from 'pg'

/** Each is applied once, in order, and never edited after a release. */
const migrations: readonly string[] = [
  `
  CREATE TABLE bus.log (
    topic text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    key text,
    value bytea,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, xid, position)
  );

  CREATE TABLE bus.progress (
    group_name text NOT NULL,
    topic text NOT NULL,
    xid xid8 NOT NULL,
    position bigint NOT NULL,
    holder uuid,
    lease_until timestamptz,
    PRIMARY KEY (group_name, topic)
  ) WITH (fillfactor = 50);

  -- A lane is a key, or a single record without one: what stops together and is redriven together.
  CREATE TABLE bus.parked_lane (
    group_name text NOT NULL,
    topic text NOT NULL,
    lane text NOT NULL,
    key text,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    redrive_at timestamptz,
    PRIMARY KEY (group_name, topic, lane)
  );
  CREATE INDEX parked_lane_to_redrive ON bus.parked_lane (group_name, topic) WHERE redrive_at IS NOT NULL;

  -- major and minor are the two numbers of the driver's position; within a lane they are its order.
  CREATE TABLE bus.parked_record (
    group_name text NOT NULL,
    topic text NOT NULL,
    lane text NOT NULL,
    major numeric(20) NOT NULL,
    minor bigint NOT NULL,
    value bytea,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (group_name, topic, lane, major, minor),
    FOREIGN KEY (group_name, topic, lane) REFERENCES bus.parked_lane
  );
  `,
  // Most audit records are a little longer than what PostgreSQL begins to compress, which costs more than their space.
  'ALTER TABLE bus.log SET (toast_tuple_target = 8160), ALTER COLUMN value SET STORAGE MAIN',
  // Each consumer reads the headers and nobody searches in them: jsonb would be written as text again each time.
  `
  ALTER TABLE bus.log ALTER COLUMN headers TYPE json USING headers::json;
  ALTER TABLE bus.parked_record ALTER COLUMN headers TYPE json USING headers::json;
  `,
]

/** Who may do what on the bus; role names as PostgreSQL has them. */
export interface BusRoles {
  /** May publish and consume. PostgreSQL keeps no topic from any of them; kafka's ACLs do. */
  readonly services?: readonly string[]
  /** May also prune. */
  readonly operators?: readonly string[]
}

/**
 * Brings schema `bus` to the current version and grants it to the roles. Run by the schema's owner, on a connection
 * outside a transaction; safe to repeat and to run at the same time as another.
 */
export const migrateBus = async (client: ClientBase, roles: BusRoles = {}): Promise<void> => {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('countersign.bus.migrate', 0))`)
    await client.query('CREATE SCHEMA IF NOT EXISTS bus')
    await client.query(
      'CREATE TABLE IF NOT EXISTS bus.migration (version int PRIMARY KEY, applied_at timestamptz DEFAULT now())',
    )
    const { rows } = await client.query<{ version: number }>(
      'SELECT coalesce(max(version), 0) AS version FROM bus.migration',
    )
    const applied = rows[0]?.version ?? 0
    for (const [index, statements] of migrations.slice(applied).entries()) {
      await client.query(statements)
      await client.query('INSERT INTO bus.migration (version) VALUES ($1)', [applied + index + 1])
    }
    for (const role of [...(roles.services ?? []), ...(roles.operators ?? [])]) await client.query(grants(role))
    for (const role of roles.operators ?? []) {
      await client.query(`GRANT DELETE ON bus.log TO ${escapeIdentifier(role)}`)
    }
    await client.query('COMMIT')
  } catch (error) {
    // A connection that was lost has rolled back; what failed first is what is told.
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** A publisher names no xid, position or time: those are what the cursor's order rests on. */
const grants = (role: string): string => {
  const to = escapeIdentifier(role)
  return `
    GRANT USAGE ON SCHEMA bus TO ${to};
    GRANT SELECT, INSERT (topic, key, value, headers) ON bus.log TO ${to};
    GRANT SELECT, INSERT, UPDATE ON bus.progress TO ${to};
    GRANT SELECT, INSERT, UPDATE, DELETE ON bus.parked_lane, bus.parked_record TO ${to};
  `
}
