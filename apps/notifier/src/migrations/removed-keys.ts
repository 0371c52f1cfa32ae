/** A key that was removed stays known, so that nobody registers it again: one key has one person, ever. */
const tables = `
alter table notifier.security_key add column removed_at timestamptz(3);
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierRemovedKeys1795334400001 {
  readonly name = 'NotifierRemovedKeys1795334400001'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('migrations of notifier do not go down')
  }
}
