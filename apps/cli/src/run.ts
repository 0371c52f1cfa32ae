import { Command, CommanderError } from 'commander'
import type { Context, Register } from './command.ts'
import { registerIdp } from './connect-issuer/idp.command.ts'
import { registerApprove, registerDeny } from './decide-review/verdict.command.ts'
import { registerReviews } from './decide-review/reviews.command.ts'
import { registerDemo } from './demo/demo.command.ts'
import { exitCodes, failureOf } from './exit-codes.ts'
import { registerPeople } from './keep-directory/people.command.ts'
import { registerSeats } from './keep-directory/seats.command.ts'
import { registerAgents } from './keep-registers/agents.command.ts'
import { registerProducers } from './keep-registers/producers.command.ts'
import { registerIntent } from './publish-intent/intent.command.ts'
import { registerStore } from './adopt-store/store.command.ts'
import { registerPublish } from './publish-intent/publish.command.ts'
import { registerAudit } from './read-evidence/audit.command.ts'
import { registerLineage } from './read-evidence/lineage.command.ts'
import { registerReciprocity } from './read-evidence/reciprocity.command.ts'
import { registerStory } from './read-evidence/story.command.ts'
import { registerExplain } from './prove-guarantees/explain.command.ts'
import { registerSelfTest } from './prove-guarantees/self-test.command.ts'
import { registerReconcile } from './reconcile-trail/reconcile.command.ts'
import { registerReplay } from './replay-trail/replay.command.ts'
import { registerExec } from './run-command/exec.command.ts'
import { registerLogin } from './sign-in/login.command.ts'
import { registerToken } from './sign-in/token.command.ts'
import { registerKeys } from './rotate-keys/keys.command.ts'
import { registerFreeze } from './stop-grants/freeze.command.ts'
import { registerFreezeCredential } from './stop-grants/freeze-credential.command.ts'
import { registerFreezes, registerUnfreeze } from './stop-grants/unfreeze.command.ts'
import { type Streams, type Terminal, terminalOn } from './terminal.ts'
import { registerVerify } from './verify-log/verify.command.ts'
import { registerParked } from './work-quarantine/parked.command.ts'
import { registerQuarantine } from './work-quarantine/quarantine.command.ts'

const registers: readonly Register[] = [
  registerDemo,
  registerExec,
  registerPublish,
  registerIntent,
  registerReviews,
  registerApprove,
  registerDeny,
  registerAudit,
  registerReciprocity,
  registerLineage,
  registerStory,
  registerVerify,
  registerReplay,
  registerReconcile,
  registerSelfTest,
  registerExplain,
  registerAgents,
  registerProducers,
  registerPeople,
  registerSeats,
  registerKeys,
  registerIdp,
  registerFreeze,
  registerUnfreeze,
  registerFreezes,
  registerFreezeCredential,
  registerStore,
  registerQuarantine,
  registerParked,
  registerLogin,
  registerToken,
]

export type RunOptions = {
  readonly streams: Streams
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal
}

/**
 * Runs one command and resolves with its exit code: 0 ok, 1 wrong use or broken, 2 refused, 3 pending, 30 diverged, 40
 * invalid; `exec` resolves with that of what it ran.
 */
export const run = async (argv: readonly string[], { streams, env, signal }: RunOptions): Promise<number> => {
  const terminal = terminalOn(streams, env)
  const context: Context = { terminal, streams, env, signal }
  let exitCode: number = exitCodes.ok
  const program = programOf(streams)
  for (const register of registers) {
    register(program, context, (code) => {
      exitCode = code
    })
  }
  quietly(program, streams)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    // Help and version are no failures; what is wrong with the use commander has printed already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.failed
    if (signal.aborted) return 130
    return printFailure(error, terminal)
  }
}

const programOf = (streams: Streams): Command =>
  quietly(
    new Command('countersign')
      .description('A human decision, bound to one exact action, before an agent acts; and proof of it afterwards.')
      .enablePositionalOptions()
      .showHelpAfterError('Run the command with --help for its options and examples.')
      .addHelpText(
        'after',
        `
Exit codes: 0 ok · 1 wrong use or broken · 2 refused or denied · 3 nobody has decided · 30 DIVERGED · 40 INVALID.
exec exits with the code of the command that it ran. Colours only on a terminal and without NO_COLOR.`,
      ),
    streams,
  )

/** Commands print where they are told to and never end the process. */
const quietly = (program: Command, { stdout, stderr }: Streams): Command => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
  for (const command of all(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
  }
  return program
}

const printFailure = (error: unknown, terminal: Terminal): number => {
  const { message, why, next, exitCode } = failureOf(error)
  terminal.progressDone()
  terminal.err(`${terminal.paintErr('red', 'countersign:')} ${message}`)
  if (why !== undefined) terminal.err(`  why   ${why}`)
  if (next !== undefined) terminal.err(`  next  ${next}`)
  return exitCode
}
