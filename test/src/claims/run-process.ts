import { spawn } from 'node:child_process'

export type Ended = {
  /** Exit code; undefined when it was ended because its time was over. */
  readonly code: number | undefined
  /** The last lines of what it printed. */
  readonly tail: string
}

const tailBytes = 4_000
const graceMs = 5_000

/**
 * Runs a program with what it starts in a group of its own and ends the whole group when its time is over: first politely,
 * so that it can stop its own database, then not.
 */
export const runProcess = (
  file: string,
  args: readonly string[],
  { cwd, limitMs, shell }: { readonly cwd: string; readonly limitMs: number; readonly shell: boolean },
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, shell, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let tail = ''
    let isOver = false
    const keep = (chunk: Buffer): void => {
      tail = (tail + chunk.toString('utf8')).slice(-tailBytes)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name)
      } catch {
        // The group has ended meanwhile.
      }
    }
    const timers = [
      setTimeout(() => {
        isOver = true
        signal('SIGTERM')
      }, limitMs),
      setTimeout(() => signal('SIGKILL'), limitMs + graceMs),
    ]
    child.once('error', reject)
    child.once('close', (code) => {
      for (const timer of timers) clearTimeout(timer)
      resolve({ code: isOver ? undefined : (code ?? 1), tail: tail.trim() })
    })
  })
