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
  readonly say: (line: DemoLine) => void
}

export const sayOn =
  (terminal: Terminal) =>
  (line: DemoLine): void =>
    terminal.out(demoLine(line, terminal.paint))

/** Ends the demo: what should have happened did not. */
export const notAsExpected = (step: string, expected: string, got: string): Failure =>
  new Failure(`the demo stopped: ${step}`, { why: `expected ${expected}, got ${got}` })

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
