import type { ChangedEntry, ReviewedEntry } from '@countersign/contracts'
import type { Command } from 'commander'
import { type Context, examples, wholeNumber } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { plain } from '../print/words.ts'
import { asPerson, callAs, type ChangeOptions, withReason } from './asked-by-person.ts'

/** A register with entries by name, and the routes that change it. */
export type EntryCommands = {
  readonly context: Context
  readonly finish: (exitCode: number) => void
  readonly kind: 'agent' | 'producer' | 'group' | 'feed'
  readonly path: string
}

/** What became of a change: it may have been made before. */
export const changedLine = ({ name, changed }: ChangedEntry, done: string): string =>
  changed ? `${plain(name)} is ${done}` : `${plain(name)} was ${done} already`

/** Adds `remove` to the commands of a register. */
export const removeEntry = (command: Command, { context, finish, kind, path }: EntryCommands): void => {
  withReason(asPerson(command.command('remove')))
    .summary(`take ${kind === 'agent' ? 'an agent' : `a ${kind}`} out of the register`)
    .description(
      'From then on nothing is taken from it, and nothing that was approved for it is collected or redeemed. Its name\nstays its own; registering it again brings it back.',
    )
    .argument(`<${kind}>`, `name of the ${kind}`)
    .addHelpText('after', examples(`countersign ${kind}s remove etl-bot --reason "switched off" --as olga`))
    .action(async (name: string, { reason, ...options }: ChangeOptions) => {
      const { call } = await callAs(options, context)
      const changed = await call<ChangedEntry>(`${path}/remove`, { method: 'POST', body: { name, reason } })
      context.terminal.out(options.json === true ? JSON.stringify(changed) : changedLine(changed, 'removed'))
      finish(exitCodes.ok)
    })
}

/** Adds `review`: another person says that changes are as they should be. */
export const reviewEntry = (command: Command, { context, finish, kind, path }: EntryCommands): void => {
  const { terminal } = context
  // There is one feed, and it is called scim.
  const isFeed = kind === 'feed'
  withReason(asPerson(command.command(isFeed ? 'review-scim' : 'review')))
    .summary('say that somebody else’s changes are as they should be')
    .description(
      'Look at them with show first. Whoever made a change may not approve under it before another person has reviewed\nit, and not for seven days. Nobody reviews their own.',
    )
    .argument(isFeed ? '[feed]' : `<${kind}>`, `name of the ${kind}`, isFeed ? 'scim' : undefined)
    .requiredOption('--up-to <change>', 'number of the last change that you looked at', wholeNumber)
    .action(async (name: string, { reason, upTo, ...options }: ChangeOptions & { readonly upTo: number }) => {
      const { call } = await callAs(options, context)
      const body = { name, upTo, reason }
      const { reviewed, left } = await call<ReviewedEntry>(`${path}/review`, { method: 'POST', body })
      if (options.json === true) terminal.out(JSON.stringify({ name, reviewed, left }))
      else {
        terminal.out(reviewed.length === 0 ? 'there was nothing to review' : `reviewed ${reviewed.join(', ')}`)
        if (left.length > 0) terminal.out(`${left.join(', ')} are your own: somebody else has to look`)
      }
      finish(exitCodes.ok)
    })
}
