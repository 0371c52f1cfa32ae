import type { PeopleList, PersonKind } from '@countersign/contracts'
import { type Command, Option } from 'commander'
import { type Context, examples, type Register, wholeNumber } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import {
  asPerson,
  callAs,
  type ChangeOptions,
  largestPage,
  nextPage,
  type PageOptions,
  type PersonOptions,
  personNamed,
  queryOf,
  withReason,
} from '../keep-registers/asked-by-person.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'
import { freeLoginCommand } from './free-login.command.ts'
import { linkPeopleCommands } from './link-people.commands.ts'

type Person = PeopleList['people'][number]
type ListOptions = PageOptions & { readonly group?: string }
type RegisterOptions = ChangeOptions & {
  readonly name: string
  readonly email?: string
  readonly kind?: PersonKind
  readonly issuer?: string
}
const kinds: readonly PersonKind[] = ['human', 'shared', 'service']
type Registered = { readonly person: string; readonly changed: boolean }
type ActiveOptions = ChangeOptions & { readonly issuer?: string }

/** `countersign people`: whom the directory knows. A person is the subject at one issuer, never a name or an address. */
export const registerPeople: Register = (program, context, finish) => {
  const people = program
    .command('people')
    .summary('list, register and deactivate people')
    .description('People of the directory: each is a subject at an issuer. Every change is an event with who and why.')
  list(people, context, finish)
  show(people, context, finish)
  register(people, context, finish)
  linkPeopleCommands(people, context, finish)
  freeLoginCommand(people, context, finish)
  activity(people, { context, finish, active: false })
  activity(people, { context, finish, active: true })
}

const list: Register = (people, context, finish) => {
  const { terminal } = context
  asPerson(people.command('list'))
    .summary('list people')
    .option('--group <group>', 'only members of this group')
    .option('--after <id>', 'begin behind this person')
    .option('--limit <number>', 'people to list at most', wholeNumber, 50)
    .action(async ({ group, after, limit, ...options }: ListOptions) => {
      const { call } = await callAs(options, context)
      const query = queryOf({ group, after, limit: Math.min(limit, largestPage) })
      const { people: found, next } = await call<PeopleList>(`/v1/directory/people?${query}`)
      if (options.json === true) for (const person of found) terminal.out(JSON.stringify(person))
      else for (const line of peopleTable(found)) terminal.out(line)
      nextPage(terminal, next)
      finish(exitCodes.ok)
    })
}

/** People as a table: id, subject, name, groups and whether they may act. */
export const peopleTable = (people: readonly Person[]): string[] =>
  table(
    ['id', 'subject', 'name', 'state', 'groups'].map((title) => ({ title })),
    people.map(({ person, subject, displayName, active, kind, groups }) => [
      person,
      plain(subject ?? 'erased'),
      plain(displayName),
      [active ? 'active' : 'inactive', kind ?? ''].join(' ').trim(),
      groups.map(plain).join(' '),
    ]),
  )

const show: Register = (people, context, finish) => {
  const { terminal } = context
  asPerson(people.command('show'))
    .summary('show one person')
    .argument('<person>', 'id, or subject at the issuer')
    .option('--issuer <url>', 'issuer whose subject it is')
    .action(async (named: string, options: PersonOptions & { readonly issuer?: string }) => {
      const { call } = await callAs(options, context)
      const person = await personNamed(call, named, options.issuer)
      if (options.json === true) terminal.out(JSON.stringify(person, null, 2))
      else {
        terminal.out(`id        ${person.person}`)
        terminal.out(`subject   ${plain(person.subject ?? 'erased')} at ${plain(person.issuer ?? 'no issuer')}`)
        terminal.out(`name      ${plain(person.displayName)}`)
        if (person.email !== undefined) terminal.out(`email     ${plain(person.email)}`)
        terminal.out(`state     ${person.active ? 'active' : 'inactive'}`)
        terminal.out(`groups    ${person.groups.map(plain).join(' ')}`.trimEnd())
      }
      finish(exitCodes.ok)
    })
}

const register: Register = (people, context, finish) => {
  const { terminal } = context
  withReason(asPerson(people.command('register')))
    .summary('register a person, or change their name')
    .argument('<subject>', 'what the issuer puts into sub')
    .requiredOption('--name <text>', 'name to show')
    .option('--email <address>', 'address to show; it identifies nobody')
    .addOption(new Option('--kind <kind>', 'who signs in by the subject; only humans decide').choices(kinds))
    .option('--issuer <url>', 'issuer whose subject it is; that of the deployment if absent')
    .addHelpText(
      'after',
      examples('countersign people register 8f14e45f --name "Grace Hopper" --reason "joined the desk" --as olga'),
    )
    .action(async (subject: string, options: RegisterOptions) => {
      const { call, issuer } = await callAs(options, context)
      const { name: displayName, email, kind, reason } = options
      const body = { issuer: options.issuer ?? issuer(), subject, displayName, email, kind, reason }
      const registered = await call<Registered>('/v1/directory/people', { method: 'POST', body })
      terminal.out(options.json === true ? JSON.stringify(registered) : `registered as ${registered.person}`)
      finish(exitCodes.ok)
    })
}

type Activity = { readonly context: Context; readonly finish: (exitCode: number) => void; readonly active: boolean }

const activity = (people: Command, { context, finish, active }: Activity): void => {
  const { terminal } = context
  const verb = active ? 'activate' : 'deactivate'
  withReason(asPerson(people.command(verb)))
    .summary(active ? 'let a person act again' : 'let a person do nothing more')
    .argument('<person>', 'id, or subject at the issuer')
    .option('--issuer <url>', 'issuer whose subject it is')
    .addHelpText('after', examples(`countersign people ${verb} grace --reason "ticket 4711" --as olga`))
    .action(async (named: string, options: ActiveOptions) => {
      const { call } = await callAs(options, context)
      const { person, issuer, subject, displayName, email } = await personNamed(call, named, options.issuer)
      const body = { issuer, subject, displayName, email, active, reason: options.reason }
      const { changed } = await call<Registered>('/v1/directory/people', { method: 'POST', body })
      const state = active ? 'active' : 'inactive'
      if (options.json === true) terminal.out(JSON.stringify({ person, active, changed }))
      else terminal.out(`${person} ${changed ? 'is' : 'was'} ${state}${changed ? '' : ' already'}`)
      finish(exitCodes.ok)
    })
}
