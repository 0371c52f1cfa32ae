import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** How a command ended, as a shell would say it. */
export type Ended = {
  /** 0 to 255; 128 and the signal's number for one that was ended by a signal, 126 and 127 for one that did not start. */
  readonly exitCode: number
  readonly why: 'exited' | 'signalled' | 'not_started'
}

export type Child = {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

const forwarded = ['SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command without a shell, with this process's own terminal. An interrupt from the keyboard reaches it by itself;
 * other signals are passed on. Resolves when it has ended.
 */
export const runChild = ({ argv, cwd, env }: Child): Promise<Ended> =>
  new Promise((resolve) => {
    const [file = '', ...args] = argv
    const child = spawn(file, args, { cwd, env: { ...env }, stdio: 'inherit', shell: false })
    const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
    const stayForReport = (): void => undefined
    for (const signal of forwarded) process.on(signal, passOn)
    process.on('SIGINT', stayForReport)
    const end = (ended: Ended): void => {
      for (const signal of forwarded) process.off(signal, passOn)
      process.off('SIGINT', stayForReport)
      resolve(ended)
    }
    child.once('error', (error: NodeJS.ErrnoException) =>
      end({ exitCode: error.code === 'ENOENT' ? 127 : 126, why: 'not_started' }),
    )
    child.once('exit', (code, signal) =>
      end(
        signal === null
          ? { exitCode: code ?? 1, why: 'exited' }
          : { exitCode: 128 + (constants.signals[signal] ?? 0), why: 'signalled' },
      ),
    )
  })
