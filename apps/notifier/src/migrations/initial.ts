/**
 * Notifier's own tables. `review` finds the intent of a review and lists reviews; `card` is the queue of what a channel shall
 * show. Nothing that is sealed is in them: a card is rendered anew each time.
 */
const tables = `
create table notifier.review (
  review_id uuid primary key,
  tenant_id uuid not null,
  intent_id uuid not null unique,
  version bigint not null,
  state text not null,
  action text not null,
  target text not null,
  environment text not null,
  agent text not null,
  seats jsonb not null,
  groups text[] not null,
  deadline timestamptz(3) not null,
  requested_at timestamptz(3) not null
);
create index review_of_tenant on notifier.review (tenant_id, requested_at desc, review_id desc);

create table notifier.card (
  review_id uuid not null references notifier.review,
  channel text not null,
  place text not null,
  tenant_id uuid not null,
  intent_id uuid not null,
  message_id text,
  presentation_digest text,
  wanted_version bigint not null,
  shown_version bigint not null default 0,
  attempts integer not null default 0,
  due_at timestamptz(3) default clock_timestamp(),
  primary key (review_id, channel, place)
) with (fillfactor = 80);
create index card_due on notifier.card (due_at) where due_at is not null;

grant usage on schema notifier to countersign_notifier;
grant select, insert, update on notifier.review, notifier.card to countersign_notifier;
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierInitial1763683200003 {
  readonly name = 'NotifierInitial1763683200003'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('the first migration of notifier is not reversible')
  }
}
