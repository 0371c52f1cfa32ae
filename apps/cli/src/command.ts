import { Command, InvalidArgumentError, Option } from 'commander'
import type { Environment } from './find-deployment/deployment.ts'
import type { Streams, Terminal } from './terminal.ts'
import { durationMs } from './print/words.ts'

/** What a command works with; a command returns its exit code. */
export type Context = {
  readonly terminal: Terminal
  readonly streams: Streams
  readonly env: Environment
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal
}

/** A command with the exit code that its action decided on. */
export type Register = (program: Command, context: Context, finish: (exitCode: number) => void) => void

/** Adds a command whose action returns the exit code. */
export const dataDirOption = (): Option =>
  new Option('--data-dir <folder>', 'data folder of the instance to talk to (COUNTERSIGN_DATA_DIR, else .countersign)')
export const urlOption = (): Option => new Option('--url <url>', 'address of the deployment (COUNTERSIGN_URL)')
export const asOption = (): Option =>
  new Option('--as <person>', 'person of the demo to sign in as; else who did countersign login')
export const jsonOption = (): Option => new Option('--json', 'print JSON')

/** Reads a duration such as 90s, 15m or 4h into milliseconds. */
export const duration = (text: string): number => {
  const ms = durationMs(text)
  if (ms === undefined) throw new InvalidArgumentError('a duration is like 90s, 15m, 4h or 1d')
  return ms
}

/** Reads a whole number above zero. */
export const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('this is a whole number above zero')
  return value
}

export const uuid = (text: string): string => {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw new InvalidArgumentError('this is a UUID')
  return text
}

/** Text shown below the options of a command. */
export const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
