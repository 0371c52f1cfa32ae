import { spawn } from 'node:child_process'
import { once } from 'node:events'

export type RunOptions = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv }

/** Runs a program to its end and answers what it printed. Throws with the end of all that it printed when it fails. */
export const runProgram = async (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let [printed, all] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    all += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => (all += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    const lines = all.trimEnd().split('\n').slice(-30).join('\n  ')
    throw new Error(`${program} ${args[0] ?? ''} ended with ${code ?? 'a signal'}:\n  ${lines}`)
  }
  return printed
}
