import type { ChangedGroup, GroupList, PeopleList } from '@countersign/contracts'
import type { Command } from 'commander'
import { type Context, examples, type Register, wholeNumber } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import {
  asPerson,
  callAs,
  type ChangeOptions,
  largestPage,
  nextPage,
  openChangeLines,
  type PageOptions,
  type PersonOptions,
  personNamed,
  queryOf,
  withReason,
} from '../keep-registers/asked-by-person.ts'
import { reviewEntry } from '../keep-registers/entry-commands.ts'
import { table } from '../print/table.ts'
import { plain, plural } from '../print/words.ts'
import { feedCommands } from './feed.commands.ts'
import { peopleTable } from './people.command.ts'

type Group = GroupList['groups'][number]
type MemberOptions = ChangeOptions & { readonly issuer?: string }

/** `countersign seats`: groups and who is in them. A rule asks for people of groups; nothing else makes a seat. */
export const registerSeats: Register = (program, context, finish) => {
  const seats = program
    .command('seats')
    .summary('list groups, change and review who is in them')
    .description(
      'The groups whose people may approve. Whom one person adds counts once another has reviewed it. Whoever changes a group\nfills none of its seats before that, and not for seven days.',
    )
  list(seats, context, finish)
  show(seats, context, finish)
  members(seats, { context, finish, verb: 'add' })
  members(seats, { context, finish, verb: 'remove' })
  feedCommands(seats, context, finish)
  reviewEntry(seats, { context, finish, kind: 'group', path: '/v1/directory/groups' })
}

const list: Register = (seats, context, finish) => {
  const { terminal } = context
  asPerson(seats.command('list'))
    .summary('list groups')
    .option('--after <group>', 'begin behind this group')
    .option('--limit <number>', 'groups to list at most', wholeNumber, 50)
    .action(async ({ after, limit, ...options }: PageOptions) => {
      const { call } = await callAs(options, context)
      const query = queryOf({ after, limit: Math.min(limit, largestPage) })
      const { groups, next } = await call<GroupList>(`/v1/directory/groups?${query}`)
      if (options.json === true) for (const group of groups) terminal.out(JSON.stringify(group))
      else {
        const titles = ['group', 'people', 'changed', 'state'].map((title) => ({ title }))
        for (const line of table(titles, groups.map(cellsOf))) terminal.out(line)
      }
      nextPage(terminal, next)
      finish(exitCodes.ok)
    })
}

const cellsOf = ({ name, members: people, changedAt, openChanges }: Group): string[] => [
  plain(name),
  String(people),
  changedAt,
  openChanges.length === 0 ? 'reviewed' : `${openChanges.length} unreviewed`,
]

const show: Register = (seats, context, finish) => {
  const { terminal } = context
  asPerson(seats.command('show'))
    .summary('show one group with its people, and what nobody has reviewed')
    .argument('<group>', 'name of the group')
    .action(async (name: string, options: PersonOptions) => {
      const { call } = await callAs(options, context)
      const [group] = (await call<GroupList>(`/v1/directory/groups?${queryOf({ name })}`)).groups
      if (group === undefined) throw new Failure(`there is no group ${plain(name)}`, { exitCode: exitCodes.refused })
      const { people, next } = await call<PeopleList>(
        `/v1/directory/people?${queryOf({ group: name, limit: largestPage })}`,
      )
      if (options.json === true) terminal.out(JSON.stringify({ ...group, people }, null, 2))
      else {
        terminal.out(`group          ${plain(group.name)}, ${group.members} members`)
        for (const line of openChangeLines(group.openChanges, `countersign seats review ${plain(name)}`))
          terminal.out(line)
        for (const line of peopleTable(people)) terminal.out(line)
        if (next !== undefined) terminal.err(`more: countersign people list --group ${plain(name)} --after ${next}`)
      }
      finish(exitCodes.ok)
    })
}

/** What is still to be done, or to be known, about who was put into a group. */
const seatsLines = ({ group, seats }: ChangedGroup): string[] => {
  if (seats === undefined) return []
  return seats === 'on_one_word'
    ? ['nobody else could review it: they count on your word, and cards say so']
    : [
        `who was added counts once another operator or security admin has looked: countersign seats review ${plain(group)}`,
      ]
}

type Members = {
  readonly context: Context
  readonly finish: (exitCode: number) => void
  readonly verb: 'add' | 'remove'
}

const members = (seats: Command, { context, finish, verb }: Members): void => {
  const { terminal } = context
  withReason(asPerson(seats.command(verb)))
    .summary(verb === 'add' ? 'put people into a group' : 'take people out of a group')
    .argument('<group>', 'name of the group')
    .argument('<people...>', 'ids, or subjects at the issuer')
    .option('--issuer <url>', 'issuer whose subjects they are')
    .addHelpText('after', examples(`countersign seats ${verb} data-owners grace --reason "on call" --as olga`))
    .action(async (group: string, named: string[], options: MemberOptions) => {
      const { call } = await callAs(options, context)
      const people: string[] = []
      for (const name of named) people.push((await personNamed(call, name, options.issuer)).person)
      const body = { group, [verb]: people, reason: options.reason }
      const changed = await call<ChangedGroup>('/v1/directory/groups', { method: 'POST', body })
      if (options.json === true) terminal.out(JSON.stringify(changed))
      else {
        const has = `${plain(group)} has ${plural(changed.members.length, 'member')}`
        terminal.out(changed.changed ? has : `${has}, as before`)
        for (const line of seatsLines(changed)) terminal.out(line)
      }
      finish(exitCodes.ok)
    })
}
