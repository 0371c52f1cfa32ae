/** Schemas that hold projections: the live one, and the one that a rebuild fills before it takes over. */
export type ProjectionSchema = 'lineage' | 'lineage_rebuild'

/** Tables of the projections, in the order in which they may be locked. */
export const projectionTables = ['node', 'edge', 'intent_fact', 'audit_event', 'audit_head'] as const

/**
 * Tables of the projections. Ids of nodes are hashes of their natural keys, so rows of a rebuild are equal to the live
 * ones. The service's role reads under row security, one tenant per transaction, and writes only through functions.
 */
export const createTables = (schema: ProjectionSchema): string => `
create table ${schema}.node (
  tenant_id uuid not null,
  id uuid not null,
  kind text not null,
  key text not null,
  attributes jsonb not null,
  first_at timestamptz(3) not null,
  primary key (tenant_id, id)
) with (fillfactor = 85);
-- Not unique: the id is made from kind and key, and a second unique index would be an error where two batches meet.
create index on ${schema}.node (tenant_id, kind, key);
create index on ${schema}.node (tenant_id, (attributes #>> '{name,1}')) where kind = 'agent';

create table ${schema}.edge (
  tenant_id uuid not null,
  from_id uuid not null,
  kind text not null,
  to_id uuid not null,
  attributes jsonb not null,
  first_at timestamptz(3) not null,
  primary key (tenant_id, from_id, kind, to_id) include (first_at)
);
create index on ${schema}.edge (tenant_id, to_id, kind, from_id) include (first_at);

-- What is known of an intent, for the edges that no single event shows.
create table ${schema}.intent_fact (
  tenant_id uuid not null,
  intent_id uuid not null,
  reads uuid,
  writes uuid,
  approved_review uuid,
  grant_id uuid,
  granted_at timestamptz(3),
  execution uuid,
  executed_at timestamptz(3),
  primary key (tenant_id, intent_id)
) with (fillfactor = 70);

-- seq is the order of arrival, per tenant and without gaps; it is all that a reader has to remember.
create table ${schema}.audit_event (
  tenant_id uuid not null,
  event_id uuid not null,
  seq bigint not null,
  kind text not null,
  stream_id uuid not null,
  version bigint not null,
  type text not null,
  schema_version integer not null,
  data jsonb not null,
  recorded_at timestamptz(3) not null,
  primary key (tenant_id, event_id)
);
create index on ${schema}.audit_event (tenant_id, stream_id, kind, version);

create index audit_verdict on ${schema}.audit_event (tenant_id, recorded_at) where type = 'VerdictRecorded';

create table ${schema}.audit_head (
  tenant_id uuid primary key,
  seq bigint not null
) with (fillfactor = 50);

${projectionTables
  .map(
    (table) => `
alter table ${schema}.${table} enable row level security;
create policy named_tenants on ${schema}.${table} for select
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]));
grant select on ${schema}.${table} to countersign_lineage;`,
  )
  .join('')}
`

/** One number is one row; a rebuild makes it when it has given the rows their numbers. */
export const numberAuditRows = (schema: ProjectionSchema): string =>
  `create unique index on ${schema}.audit_event (tenant_id, seq) include (event_id)`
