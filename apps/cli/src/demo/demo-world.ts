import type { Countersign, Http } from '@countersign/client'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../exit-codes.ts'
import type { Credentials, DemoPerson } from '../find-deployment/credentials.ts'
import type { Terminal } from '../terminal.ts'
import { demoLine, type DemoLine } from './demo-line.ts'
import type { Fault } from './faults.ts'
import type { SlackPage } from './slack-page.ts'

/** What every part of the demo works with. Everything goes over public HTTP. */
export type DemoWorld = {
  readonly credentials: Credentials
  readonly agent: string
  readonly client: Countersign
  readonly callAsAgent: Http
  /** Owns the agent. */
  readonly dana: DemoPerson & { readonly call: Http }
  /** Holds the seat and owns nothing. */
  readonly ben: DemoPerson & { readonly call: Http; readonly fetch: (path: string) => Promise<Buffer> }
  readonly slack: SlackPage
  readonly fault: Fault | undefined
  readonly signal: AbortSignal
  readonly reached: Reached
  readonly say: (line: DemoLine) => void
}

/** How far the demo has come. */
export type Reached = {
  /** When the last line was said, ms: whatever was refused before was meant to be. */
  at: number
  /** The intent that was asked for last. */
  intentId: string | undefined
}

export const sayOn =
  (terminal: Terminal, reached: Reached) =>
  (line: DemoLine): void => {
    reached.at = Date.now()
    terminal.out(demoLine(line, terminal.paint))
  }

/** Ends the demo: what should have happened did not. `why-stopped.ts` names the refusal behind it, where there is one. */
export class NotAsExpected extends Failure {
  readonly step: string
  readonly expected: string
  readonly got: string

  constructor(step: string, expected: string, got: string) {
    super(`the demo stopped: ${step}`, { why: `expected ${expected}, got ${got}` })
    this.name = 'NotAsExpected'
    this.step = step
    this.expected = expected
    this.got = got
  }
}

export const notAsExpected = (step: string, expected: string, got: string): NotAsExpected =>
  new NotAsExpected(step, expected, got)

/** Ends the demo unless both are the same. */
export const expectSame = (step: string, expected: string, got: string | undefined): void => {
  if (got !== expected) throw notAsExpected(step, expected, got ?? 'nothing')
}

const lookMs = 40

/** Looks until there is something to see. Ends the demo when there is nothing in time. */
export const until = async <Seen>(
  step: string,
  look: () => Promise<Seen | undefined>,
  { withinMs = 5_000, expected = step, signal }: { withinMs?: number; expected?: string; signal: AbortSignal },
): Promise<Seen> => {
  const end = performance.now() + withinMs
  for (;;) {
    signal.throwIfAborted()
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() >= end) throw notAsExpected(step, expected, `nothing within ${withinMs / 1_000} s`)
    await delay(lookMs)
  }
}

/** For what follows a moment later: nothing where there is nothing yet; any other refusal is passed on. */
export const notYet = (error: unknown): undefined => {
  if ((error as { code?: unknown }).code === 'not_found') return undefined
  throw error
}

/** What a call that has to be refused was refused with. Ends the demo when it was not. */
export const refusalOf = async (
  step: string,
  expected: string,
  call: () => Promise<unknown>,
): Promise<{ code: string; pointer: string | undefined }> => {
  const outcome = await call().then(
    () => undefined,
    (error: unknown) => error as { code?: unknown; pointer?: unknown },
  )
  if (outcome === undefined) throw notAsExpected(step, `refused with ${expected}`, 'no refusal')
  if (typeof outcome.code !== 'string') throw outcome
  expectSame(step, expected, outcome.code)
  return { code: outcome.code, pointer: typeof outcome.pointer === 'string' ? outcome.pointer : undefined }
}
