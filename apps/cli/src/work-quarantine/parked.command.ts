import type { ParkedKeyList, RedrivenParked } from '@countersign/contracts'
import { topics } from '@countersign/contracts'
import type { Command } from 'commander'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'

type ParkedOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }
type RedriveOptions = ParkedOptions & { readonly group: string }

/** `countersign parked`: intents whose events a service stopped at, for operators. */
export const registerParked: Register = (program, { terminal, env, signal }, finish) => {
  const parked = program
    .command('parked')
    .summary('list and redrive intents whose events a service parked')
    .description(
      'A service that meets an event it cannot handle parks the events of that intent and goes on with others.',
    )
  const asPerson = (command: Command): Command =>
    command.addOption(asOption()).addOption(jsonOption()).addOption(dataDirOption()).addOption(urlOption())

  asPerson(parked.command('list'))
    .summary('list parked intents')
    .action(async (options: ParkedOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const { keys } = await call<ParkedKeyList>('/v1/parked', { signal })
      if (options.json === true) for (const key of keys) terminal.out(JSON.stringify(key))
      else {
        const titles = ['intent', 'group', 'reason', 'records', 'parked'].map((title) => ({ title }))
        const rows = keys.map(({ key, group, reason, records, parkedAt }) => [
          key,
          plain(group),
          plain(reason),
          String(records),
          parkedAt,
        ])
        for (const line of table(titles, rows)) terminal.out(line)
      }
      finish(exitCodes.ok)
    })

  asPerson(parked.command('redrive'))
    .summary('let a service take the events of an intent again')
    .argument('<intent>', 'id of the intent', uuid)
    .requiredOption('--group <group>', 'group of the service, as parked list shows it')
    .addHelpText(
      'after',
      examples('countersign parked redrive 0199f1f0-7a1c-7000-8000-0000000000aa --group countersign.policy --as olga'),
    )
    .action(async (key: string, { group, ...options }: RedriveOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const body = { group, topic: topics.events, key }
      const { records } = await call<RedrivenParked>('/v1/parked/redrive', { method: 'POST', body, signal })
      terminal.out(options.json === true ? JSON.stringify({ records }) : `${records} records are delivered again`)
      finish(exitCodes.ok)
    })
}
