import type { MigrationInterface, QueryRunner } from 'typeorm'
import { appendFunction } from './append-functions.ts'

const statements = `
-- An event is read some ten times and written once. What jsonb saves who searches in it, each reader paid for by having it written
-- as text again, a quarter of what a row of the ledger took; json is the text as it was appended.
alter table countersign.event
  alter column data type json using data::json,
  alter column metadata type json using metadata::json;
alter table countersign.event alter column data set storage main, alter column metadata set storage main;
`

// What jsonb refuses of a text, U+0000 and half a surrogate pair, json refuses only where it is read: so jsonb still decides.
const asWritten = (text: string): string =>
  `case when strpos(${text}, '\\u') = 0 then ${text}::json else ${text}::jsonb::json end`

/** Events keep the text that they were appended with. Rewrites the event table, once. */
export class EventsAsWritten1795356000000 implements MigrationInterface {
  readonly name = 'EventsAsWritten1795356000000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
    await runner.query(appendFunction(`${asWritten('e.data')}, ${asWritten('e.metadata')}`))
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
