import type { AdoptedStoreView, StoreView } from '@countersign/contracts'
import { refusedLine, registerContinueLogs } from './continue-logs.command.ts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { plain } from '../print/words.ts'
import type { Terminal } from '../terminal.ts'

type StoreOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }
type AdoptOptions = StoreOptions & { readonly reason?: string; readonly yes?: boolean }

const meanings: Readonly<Record<string, string>> = {
  store_in_recovery: 'the server is a standby or still recovering; promote it, or wait',
  store_other_system: 'this is another server than the one that was published from',
  store_other_timeline: 'the server was restored to a point in time or failed over',
  store_behind_mark: 'the store lacks what was published last: it is an older copy',
  store_diverged: 'the store went on another way than what was published',
  store_adoption_unfinished: 'somebody began to adopt it and did not end; adopt it again',
  store_mark_missing: 'something was published, and the mark that says how much is gone',
  store_mark_invalid: 'the mark of what was published is not signed by this deployment',
  store_mark_unreadable: 'the mark of what was published cannot be read; mend its folder first',
}

const show = ({ out }: Terminal, store: StoreView): void => {
  const { doubt, last, mark, missingAtMost, logs = [] } = store
  out(`incarnation   ${store.incarnation}`)
  out(`opened on     server ${store.openedOn.systemIdentifier}, timeline ${store.openedOn.timeline}`)
  out(
    `now on        ${store.sameSystem ? 'the same server' : 'ANOTHER SERVER'}, ${store.sameTimeline ? 'the same timeline' : 'ANOTHER TIMELINE'}`,
  )
  out(`last event    ${last === undefined ? 'none' : `at position ${last.position}, recorded ${last.recordedAt}`}`)
  out(
    `published     ${mark === undefined ? 'not known' : `up to position ${mark.position} of incarnation ${mark.incarnation}`}`,
  )
  if (missingAtMost !== undefined) out(`missing       at most ${missingAtMost} published events`)
  for (const log of logs) out(`not signed    ${refusedLine(log)}`)
  out(
    `state         ${doubt === undefined ? 'in order' : `${doubt}: ${plain(meanings[doubt] ?? 'it serves only reads')}`}`,
  )
}

/** `countersign store`, `countersign store adopt` and `countersign store continue-logs`. */
export const registerStore: Register = (program, context, finish) => {
  const { terminal, env, signal } = context
  const store = program
    .command('store')
    .summary('how the store stands beside what was published, and adopting a restored one')
    .description('For operators. Without a command, says how the store stands beside what was published from it.')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .action(async (options: StoreOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const found = await call<StoreView>('/v1/store', { signal })
      if (options.json === true) terminal.out(JSON.stringify(found, null, 2))
      else show(terminal, found)
      finish(found.doubt === undefined ? exitCodes.ok : exitCodes.diverged)
    })
  store
    .command('adopt')
    .summary('go on with a restored or replaced store')
    .description(
      'Shows what was found and, with --yes, takes the store for the one to go on with: opens the next incarnation, records\nwho did it and why, and ends every grant. Nothing that was published before can be collected or redeemed any more:\nwhat is lost may have been used already.',
    )
    .requiredOption('--reason <text>', 'why this is the store to go on with; it is recorded')
    .option('--yes', 'do it; without this it is only shown what was found')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign store adopt --as ben --reason "restored the backup of 02:00" --yes'))
    .action(async ({ reason, yes, ...rest }: AdoptOptions, command: { optsWithGlobals(): StoreOptions }) => {
      const options = { ...command.optsWithGlobals(), ...rest }
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const found = await call<StoreView>('/v1/store', { signal })
      if (options.json !== true) show(terminal, found)
      if (found.doubt === undefined) {
        throw new Failure('there is nothing to adopt', {
          why: 'the store is the one that was published from',
          exitCode: exitCodes.refused,
        })
      }
      if (yes !== true) {
        throw new Failure('nothing was done', {
          why: 'adopting a store ends every grant and cannot be undone',
          next: 'Make sure that no other copy of the store is in use, then run it again with --yes.',
          exitCode: exitCodes.pending,
        })
      }
      const adopted = await call<AdoptedStoreView>('/v1/store/adopt', { method: 'POST', body: { reason }, signal })
      if (options.json === true) terminal.out(JSON.stringify(adopted, null, 2))
      else
        terminal.out(
          `adopted: incarnation ${adopted.toIncarnation} after ${adopted.fromIncarnation}, ${adopted.revokedGrants} grants revoked`,
        )
      finish(exitCodes.ok)
    })
  registerContinueLogs(store, context, finish)
}
