import type { AgentList, ChangedEntry } from '@countersign/contracts'
import { type Command, Option } from 'commander'
import { type Context, examples, type Register, wholeNumber } from '../command.ts'
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
import { executorKeyFrom } from './executor-key.ts'
import { changedLine, removeEntry, reviewEntry } from './entry-commands.ts'

type Agent = AgentList['agents'][number]
type ListOptions = PageOptions & { readonly producer?: string; readonly removed?: boolean }
type RegisterOptions = ChangeOptions &
  OwnerOptions & {
    readonly producer: string
    readonly kind: string
    readonly client?: string
    readonly issuer?: string
    /** False with `--no-executor-key`; undefined leaves the key as it is. */
    readonly executorKey?: string | false
  }

/** `countersign agents`: who acts, for whom, with what key. */
export const registerAgents: Register = (program, context, finish) => {
  const agents = program
    .command('agents')
    .summary('list, register, remove and review agents')
    .description(
      'The agents of the tenant with owner, client and executor key. Every change is an event with who and why.',
    )
  list(agents, context, finish)
  show(agents, context, finish)
  register(agents, context, finish)
  removeEntry(agents, { context, finish, kind: 'agent', path: '/v1/agents' })
  reviewEntry(agents, { context, finish, kind: 'agent', path: '/v1/agents' })
}

const list: Register = (agents, context, finish) => {
  const { terminal } = context
  asPerson(agents.command('list'))
    .summary('list agents')
    .option('--producer <name>', 'only those of this producer')
    .option('--removed', 'those that were removed, too')
    .option('--after <name>', 'begin behind this agent')
    .option('--limit <number>', 'agents to list at most', wholeNumber, 50)
    .addHelpText(
      'after',
      examples('countersign agents list --as olga', 'countersign agents list --producer etl --json'),
    )
    .action(async ({ producer, removed, after, limit, ...options }: ListOptions) => {
      const { call } = await callAs(options, context)
      const query = queryOf({ producer, removed, after, limit: Math.min(limit, largestPage) })
      const { agents: found, next } = await call<AgentList>(`/v1/agents?${query}`)
      if (options.json === true) for (const agent of found) terminal.out(JSON.stringify(agent))
      else {
        const titles = ['agent', 'kind', 'producer', 'client', 'owner', 'key', 'state'].map((title) => ({ title }))
        for (const line of table(titles, found.map(cellsOf))) terminal.out(line)
      }
      nextPage(terminal, next)
      finish(exitCodes.ok)
    })
}

const cellsOf = (agent: Agent): string[] => [
  plain(agent.name),
  agent.kind,
  plain(agent.producer),
  plain(agent.clientId ?? 'its producer’s'),
  ownerText(agent.owner),
  agent.executorKey?.thumbprint.slice(0, 8) ?? 'none',
  entryState(agent),
]

const show = (agents: Command, context: Context, finish: (exitCode: number) => void): void => {
  const { terminal } = context
  asPerson(agents.command('show'))
    .summary('show one agent, and what nobody has reviewed')
    .argument('<agent>', 'name of the agent')
    .action(async (name: string, options: PersonOptions) => {
      const { call } = await callAs(options, context)
      const { agents: found } = await call<AgentList>(`/v1/agents?${queryOf({ name, removed: true })}`)
      const [agent] = found
      if (agent === undefined)
        throw new Failure(`no agent is registered as ${plain(name)}`, { exitCode: exitCodes.refused })
      if (options.json === true) terminal.out(JSON.stringify(agent, null, 2))
      else for (const line of linesOf(agent)) terminal.out(line)
      finish(exitCodes.ok)
    })
}

const linesOf = (agent: Agent): string[] => [
  `agent          ${plain(agent.name)}`,
  `subject id     ${agent.subjectId}`,
  `kind           ${agent.kind}`,
  `producer       ${plain(agent.producer)}`,
  `client         ${plain(agent.clientId ?? 'its producer’s')} at ${plain(agent.issuer ?? 'no issuer')}`,
  `executor key   ${agent.executorKey?.thumbprint ?? 'none'}`,
  `owner          ${ownerText(agent.owner)}`,
  `changed        ${agent.changedAt} by ${agent.changedBy ?? (agent.seeded ? 'the first start' : 'its producer')}`,
  ...(agent.removedAt === undefined ? [] : [`removed        ${agent.removedAt}`]),
  ...openChangeLines(agent.openChanges, `countersign agents review ${plain(agent.name)}`),
]

const register: Register = (agents, context, finish) => {
  const { terminal } = context
  withOwner(withReason(asPerson(agents.command('register'))))
    .summary('register an agent, or change its owner, client or key')
    .argument('<agent>', 'name of the agent')
    .requiredOption('--producer <name>', 'producer that speaks for it')
    .addOption(new Option('--kind <kind>', 'what it is').choices(['agent', 'pipeline', 'person']).default('agent'))
    .option('--client <id>', 'OAuth client of its own; without one it speaks through its producer')
    .option('--issuer <url>', 'issuer of the client; its producer’s if absent')
    .option('--executor-key <file>', 'public JWK of the key that its executor proves to hold')
    .option('--no-executor-key', 'take its key away')
    .addHelpText(
      'after',
      examples(
        'countersign agents register etl-bot --producer warehouse --client etl-bot --owner-group data-owners \\',
        '    --executor-key etl-bot.jwk.json --reason "nightly loads" --as olga',
      ),
    )
    .action(async (name: string, options: RegisterOptions) => {
      const { producer, kind, client: clientId, issuer, reason } = options
      const key = options.executorKey
      const executorKey = typeof key === 'string' ? await executorKeyFrom(key) : key === false ? null : undefined
      const { call } = await callAs(options, context)
      const owner = await ownerNamed(call, options)
      const body = { name, kind, producer, clientId, issuer, owner, executorKey, reason }
      const changed = await call<ChangedEntry>('/v1/agents/register', { method: 'POST', body })
      terminal.out(options.json === true ? JSON.stringify(changed) : changedLine(changed, 'registered'))
      if (options.json !== true && executorKey !== undefined && executorKey !== null)
        terminal.out(`executor key ${executorKey.thumbprint}`)
      finish(exitCodes.ok)
    })
}
