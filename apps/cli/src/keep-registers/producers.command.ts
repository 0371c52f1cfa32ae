import type { ChangedEntry, ProducerList } from '@countersign/contracts'
import { examples, type Register, wholeNumber } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'
import {
  asPerson,
  callAs,
  type ChangeOptions,
  entryState,
  largestPage,
  nextPage,
  openChangeLines,
  ownerNamed,
  type OwnerOptions,
  ownerText,
  type PageOptions,
  type PersonOptions,
  queryOf,
  withOwner,
  withReason,
} from './asked-by-person.ts'
import { changedLine, removeEntry, reviewEntry } from './entry-commands.ts'

type Producer = ProducerList['producers'][number]
type RegisterOptions = ChangeOptions & OwnerOptions & { readonly client: string; readonly issuer?: string }

/** `countersign producers`: which clients publish for which agents. */
export const registerProducers: Register = (program, context, finish) => {
  const producers = program
    .command('producers')
    .summary('list, register, remove and review producers')
    .description('Producers publish for their agents. Every change is an event with who and why.')
  list(producers, context, finish)
  show(producers, context, finish)
  register(producers, context, finish)
  removeEntry(producers, { context, finish, kind: 'producer', path: '/v1/producers' })
  reviewEntry(producers, { context, finish, kind: 'producer', path: '/v1/producers' })
}

const list: Register = (producers, context, finish) => {
  const { terminal } = context
  asPerson(producers.command('list'))
    .summary('list producers')
    .option('--removed', 'those that were removed, too')
    .option('--after <name>', 'begin behind this producer')
    .option('--limit <number>', 'producers to list at most', wholeNumber, 50)
    .action(async ({ removed, after, limit, ...options }: PageOptions & { readonly removed?: boolean }) => {
      const { call } = await callAs(options, context)
      const query = queryOf({ removed, after, limit: Math.min(limit, largestPage) })
      const { producers: found, next } = await call<ProducerList>(`/v1/producers?${query}`)
      if (options.json === true) for (const producer of found) terminal.out(JSON.stringify(producer))
      else {
        const titles = ['producer', 'client', 'issuer', 'owner', 'state'].map((title) => ({ title }))
        for (const line of table(titles, found.map(cellsOf))) terminal.out(line)
      }
      nextPage(terminal, next)
      finish(exitCodes.ok)
    })
}

const cellsOf = (producer: Producer): string[] => [
  plain(producer.name),
  plain(producer.clientId ?? 'none'),
  plain(producer.issuer ?? 'none'),
  ownerText(producer.owner),
  entryState(producer),
]

const show: Register = (producers, context, finish) => {
  const { terminal } = context
  asPerson(producers.command('show'))
    .summary('show one producer, and what nobody has reviewed')
    .argument('<producer>', 'name of the producer')
    .action(async (name: string, options: PersonOptions) => {
      const { call } = await callAs(options, context)
      const { producers: found } = await call<ProducerList>(`/v1/producers?${queryOf({ name, removed: true })}`)
      const [producer] = found
      if (producer === undefined)
        throw new Failure(`no producer is registered as ${plain(name)}`, { exitCode: exitCodes.refused })
      if (options.json === true) terminal.out(JSON.stringify(producer, null, 2))
      else for (const line of linesOf(producer)) terminal.out(line)
      finish(exitCodes.ok)
    })
}

const linesOf = (producer: Producer): string[] => [
  `producer       ${plain(producer.name)}`,
  `client         ${plain(producer.clientId ?? 'none')} at ${plain(producer.issuer ?? 'no issuer')}`,
  `owner          ${ownerText(producer.owner)}`,
  `changed        ${producer.changedAt} by ${producer.changedBy ?? 'the first start'}`,
  ...(producer.removedAt === undefined ? [] : [`removed        ${producer.removedAt}`]),
  ...openChangeLines(producer.openChanges, `countersign producers review ${plain(producer.name)}`),
]

const register: Register = (producers, context, finish) => {
  const { terminal } = context
  withOwner(withReason(asPerson(producers.command('register'))))
    .summary('register a producer, or change its client or owner')
    .argument('<producer>', 'name of the producer')
    .requiredOption('--client <id>', 'OAuth client that publishes for it')
    .option('--issuer <url>', 'issuer of the client; that of the deployment if absent')
    .addHelpText(
      'after',
      examples('countersign producers register ci --client ci --owner-group platform --reason "deploys" --as olga'),
    )
    .action(async (name: string, options: RegisterOptions) => {
      const { call, issuer } = await callAs(options, context)
      const owner = await ownerNamed(call, options)
      const { client: clientId, reason } = options
      const body = { name, issuer: options.issuer ?? issuer(), clientId, owner, reason }
      const changed = await call<ChangedEntry>('/v1/producers/register', { method: 'POST', body })
      terminal.out(options.json === true ? JSON.stringify(changed) : changedLine(changed, 'registered'))
      finish(exitCodes.ok)
    })
}
