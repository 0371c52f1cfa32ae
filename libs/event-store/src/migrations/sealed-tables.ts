/** Sealed payloads and their keys, subjects, idempotency keys and the counts of refused attempts. */
export const sealedTables = `
create table countersign.tenant_key (
  tenant_id uuid primary key,
  wrapped bytea not null,
  fingerprint_wrapped bytea not null,
  created_at timestamptz(3) not null default clock_timestamp()
);

create table countersign.intent_key (
  stream_id uuid primary key,
  tenant_id uuid not null,
  key_id uuid not null,
  wrapped bytea not null,
  created_at timestamptz(3) not null default clock_timestamp()
);

-- 256 KiB of plaintext and the 16 bytes of the GCM tag. Ciphertext does not compress.
create table countersign.sealed (
  sealed_id uuid primary key,
  tenant_id uuid not null,
  stream_id uuid not null,
  purpose text not null check (purpose ~ '^[a-z][a-z_]{0,39}$'),
  key_id uuid not null,
  nonce bytea not null check (octet_length(nonce) = 12),
  ciphertext bytea not null check (octet_length(ciphertext) between 16 and 262160),
  sealed_at timestamptz(3) not null default clock_timestamp()
);
alter table countersign.sealed alter column ciphertext set storage external;
create index sealed_of_stream on countersign.sealed (stream_id);

create table countersign.subject (
  tenant_id uuid not null,
  subject_id uuid not null,
  iss text not null,
  sub text not null,
  salt bytea not null check (octet_length(salt) = 32),
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, subject_id),
  unique (tenant_id, iss, sub)
);

create table countersign.idempotency_key (
  tenant_id uuid not null,
  producer text not null,
  key text not null check (octet_length(key) between 1 and 512),
  fingerprint text not null,
  intent_id uuid not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, producer, key)
);

-- One row per source, code and 10 s. recorded counts those that also have an event of their own.
create table countersign.refusal_count (
  tenant_id uuid not null,
  source text not null check (octet_length(source) between 1 and 256),
  window_start timestamptz(3) not null,
  code text not null,
  stream_id uuid not null,
  total bigint not null check (total > 0),
  recorded bigint not null check (recorded between 0 and total),
  primary key (tenant_id, source, window_start, code, stream_id)
) with (fillfactor = 80);
`
