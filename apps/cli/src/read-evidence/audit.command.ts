import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, wholeNumber } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'

/** The fields of an OCSF row that a person reads first. */
export type AuditRow = {
  readonly time: number
  readonly class_uid: number
  readonly activity_name?: string
  readonly status?: string
  readonly status_code?: string
  readonly message?: string
  readonly metadata: { readonly uid?: string; readonly event_code?: string }
}
export type AuditPage = { readonly rows: readonly AuditRow[]; readonly next: string }

type AuditOptions = DeploymentOptions & {
  readonly as?: string
  readonly after?: string
  readonly limit: number
  readonly json?: boolean
}

export const registerAudit: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('audit')
    .summary('read audit rows (OCSF 1.8)')
    .description(
      'Reads audit rows in the order of their arrival. With --json each row is one line, as a SIEM takes it.',
    )
    .option('--after <cursor>', 'begin behind this cursor')
    .option('--limit <number>', 'rows to read at most', wholeNumber, 500)
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign audit --as ben', 'countersign audit --as ben --json | jq .message'))
    .action(async (options: AuditOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const query = new URLSearchParams({ limit: String(options.limit) })
      if (options.after !== undefined) query.set('after', options.after)
      const { rows, next } = await call<AuditPage>(`/v1/audit?${query.toString()}`, { signal })
      if (options.json === true) for (const row of rows) terminal.out(JSON.stringify(row))
      else {
        const titles = ['time', 'class', 'what', 'outcome', 'message'].map((title) => ({ title }))
        for (const line of table(titles, rows.map(cellsOf))) terminal.out(line)
      }
      terminal.err(`next: --after ${next}`)
      finish(0)
    })
}

const cellsOf = (row: AuditRow): string[] => [
  new Date(row.time).toISOString(),
  String(row.class_uid),
  plain(row.metadata.event_code ?? row.activity_name ?? ''),
  plain([row.status, row.status_code].filter((part) => part !== undefined).join(' ')),
  plain(row.message ?? ''),
]
