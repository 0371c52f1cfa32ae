import { writeFile } from 'node:fs/promises'
import type { QuarantinedContent, QuarantinedRecord, QuarantineList, RedrivenQuarantine } from '@countersign/contracts'
import type { Command } from 'commander'
import {
  asOption,
  type Context,
  dataDirOption,
  examples,
  jsonOption,
  type Register,
  urlOption,
  uuid,
  wholeNumber,
} from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'

type PersonOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }
type ListOptions = PersonOptions & {
  readonly reason?: string
  readonly topic?: string
  readonly all?: boolean
  readonly after?: string
  readonly limit: number
}
type ShowOptions = PersonOptions & { readonly bytes?: boolean; readonly output?: string }
type RedriveOptions = PersonOptions & { readonly reason?: string; readonly topic?: string; readonly all?: boolean }

const largestPage = 100

/** `countersign quarantine`: what was not taken from the bus, for operators. */
export const registerQuarantine: Register = (program, context, finish) => {
  const quarantine = program
    .command('quarantine')
    .summary('list, show and redrive records that were not taken')
    .description('Records that producers wrote and intake could not read. An operator sees where one stood and why.')
  list(quarantine, context, finish)
  show(quarantine, context, finish)
  redrive(quarantine, context, finish)
}

const asPerson = (command: Command): Command =>
  command.addOption(asOption()).addOption(jsonOption()).addOption(dataDirOption()).addOption(urlOption())

const callsAs = async (options: PersonOptions, env: Context['env']) => {
  const deployment = await findDeployment(options, env)
  return callsOf(deployment, deployment.personToken(options.as))
}

const list: Register = (quarantine, { terminal, env, signal }, finish) => {
  asPerson(quarantine.command('list'))
    .summary('list records in quarantine')
    .option('--reason <code>', 'only those with this reason')
    .option('--topic <topic>', 'only those of this topic')
    .option('--all', 'those that were taken again, too')
    .option('--after <id>', 'begin behind this record')
    .option('--limit <number>', 'records to list at most', wholeNumber, 50)
    .addHelpText(
      'after',
      examples('countersign quarantine list --as olga', 'countersign quarantine list --reason invalid_json'),
    )
    .action(async ({ reason, topic, all, after, limit, ...options }: ListOptions) => {
      const { call } = await callsAs(options, env)
      const query = new URLSearchParams({
        limit: String(Math.min(limit, largestPage)),
        state: all === true ? 'all' : 'open',
      })
      for (const [name, value] of Object.entries({ reason, topic, after }))
        if (value !== undefined) query.set(name, value)
      const { records, next } = await call<QuarantineList>(`/v1/quarantine?${query.toString()}`, { signal })
      if (options.json === true) for (const record of records) terminal.out(JSON.stringify(record))
      else {
        const titles = ['id', 'quarantined', 'reason', 'topic', 'position', 'bytes', 'state'].map((title) => ({
          title,
        }))
        for (const line of table(titles, records.map(cellsOf))) terminal.out(line)
      }
      if (next !== undefined) terminal.err(`next: --after ${next}`)
      finish(exitCodes.ok)
    })
}

const cellsOf = (record: QuarantinedRecord): string[] => [
  record.quarantineId,
  record.quarantinedAt,
  plain(record.reason),
  plain(record.topic),
  plain(record.position),
  record.kept ? String(record.bytes) : `${record.bytes}, not kept`,
  record.outcome ?? 'open',
]

const show: Register = (quarantine, { terminal, streams, env, signal }, finish) => {
  asPerson(quarantine.command('show'))
    .summary('show one record: coordinates, hash and reason')
    .description(
      'Shows coordinates, hash and reason. --bytes writes what the record holds, for security admins; that is recorded.',
    )
    .argument('<id>', 'id of the record in quarantine', uuid)
    .option('--bytes', 'write the sealed bytes to standard output, or to --output')
    .option('--output <file>', 'file for --bytes (mode 0600); it must not exist')
    .addHelpText(
      'after',
      examples('countersign quarantine show 0199f1f0-7a1c-7000-8000-0000000000aa --bytes --output record.bin'),
    )
    .action(async (id: string, { bytes, output, ...options }: ShowOptions) => {
      const { call } = await callsAs(options, env)
      if (bytes === true) {
        const { value } = await call<QuarantinedContent>(`/v1/quarantine/${id}/content`, { signal })
        const content = Buffer.from(value, 'base64')
        if (output === undefined) streams.stdout.write(content)
        else await writeFile(output, content, { mode: 0o600, flag: 'wx' })
      } else {
        const record = await call<QuarantinedRecord>(`/v1/quarantine/${id}`, { signal })
        if (options.json === true) terminal.out(JSON.stringify(record, null, 2))
        else
          for (const [name, value] of Object.entries(record)) terminal.out(`${name.padEnd(14)}${plain(String(value))}`)
      }
      finish(exitCodes.ok)
    })
}

const redrive: Register = (quarantine, { terminal, env, signal }, finish) => {
  asPerson(quarantine.command('redrive'))
    .summary('take records as if they came now')
    .description(
      'Takes one record, or all of a topic or reason, as if they came now. Who did it and what came of it is recorded.',
    )
    .argument('[id]', 'id of one record', uuid)
    .option('--reason <code>', 'those with this reason')
    .option('--topic <topic>', 'those of this topic')
    .option('--all', 'every open record')
    .addHelpText('after', examples('countersign quarantine redrive --reason internal_error --as olga'))
    .action(async (quarantineId: string | undefined, { reason, topic, all, ...options }: RedriveOptions) => {
      if (quarantineId === undefined && reason === undefined && topic === undefined && all !== true)
        throw new Failure('it is not said what to redrive', { next: 'Name an id, --topic, --reason or --all.' })
      const { call } = await callsAs(options, env)
      const results: RedrivenQuarantine['records'] = []
      for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
        const body = { quarantineId, reason, topic, after }
        const page: RedrivenQuarantine = await call('/v1/quarantine/redrive', { method: 'POST', body, signal })
        results.push(...page.records)
        after = page.next
      }
      for (const { quarantineId: id, outcome, code } of results) {
        if (options.json === true) terminal.out(JSON.stringify({ quarantineId: id, outcome, code }))
        else terminal.out([id, outcome, ...(code === undefined ? [] : [plain(code)])].join('  '))
      }
      if (results.length === 0) terminal.err('nothing is open there')
      finish(results.every(({ outcome }) => outcome === 'taken') ? exitCodes.ok : exitCodes.refused)
    })
}
