import type { LinkedPeople } from '@countersign/contracts'
import type { Command } from 'commander'
import { type Context, examples, type Register } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { asPerson, callAs, type ChangeOptions, personNamed, withReason } from '../keep-registers/asked-by-person.ts'

/** `countersign people link` and `part`: which people, as two identity providers know them, are one natural person. */
export const linkPeopleCommands: Register = (people, context, finish) => {
  relation(people, { context, finish, same: true })
  relation(people, { context, finish, same: false })
}

type Relation = { readonly context: Context; readonly finish: (exitCode: number) => void; readonly same: boolean }

const said: Readonly<Record<LinkedPeople['state'], string>> = {
  linked: 'they are one natural person: what one may not approve the other may not, and they fill one seat',
  parting: 'asked; they stay one natural person until another operator has parted them too',
  apart: 'they are two natural persons',
}

const relation = (people: Command, { context, finish, same }: Relation): void => {
  const { terminal } = context
  const verb = same ? 'link' : 'part'
  withReason(asPerson(people.command(verb)))
    .summary(
      same ? 'say that two people are one natural person' : 'say that two people are not one; it takes two operators',
    )
    .argument('<person>', 'id, or subject at an issuer')
    .argument('<other>', 'id, or subject at an issuer')
    .addHelpText(
      'after',
      examples(`countersign people ${verb} 01a1f869-… 01a1f86a-… --reason "the same Grace at both firms" --as olga`),
    )
    .action(async (one: string, other: string, options: ChangeOptions) => {
      const { call } = await callAs(options, context)
      const pair = [(await personNamed(call, one)).person, (await personNamed(call, other)).person]
      const body = { people: pair, same, reason: options.reason }
      const linked = await call<LinkedPeople>('/v1/directory/people/link', { method: 'POST', body })
      terminal.out(options.json === true ? JSON.stringify(linked) : said[linked.state])
      finish(exitCodes.ok)
    })
}
