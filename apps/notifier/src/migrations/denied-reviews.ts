/** Reviewers are told what was denied before: reviews that ended so, by tenant and time. */
const tables = `
create index denied_review on notifier.review (tenant_id, requested_at) where state = 'denied';
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierDeniedReviews1795334400002 {
  readonly name = 'NotifierDeniedReviews1795334400002'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('migrations of notifier do not go down')
  }
}
