import { isRefusalCode, refusals, type RefusalCode } from '@countersign/contracts'
import { exitCodes, Failure } from '../exit-codes.ts'
import type { Story } from '../read-evidence/story.command.ts'
import { type DemoWorld, NotAsExpected } from './demo-world.ts'

const elsewhere = 'npm run demo -- --data-dir FOLDER plays it on a deployment of its own.'

/**
 * What ends a stopped demo: where a refusal is behind it, that with its code and what to do next. Whoever presses a button
 * in a chat is told alone, so the refusal is looked up where it is on record: in the story of the intent.
 */
export const whyStopped = async (
  error: unknown,
  world: Pick<DemoWorld, 'callAsAgent' | 'reached' | 'signal'>,
): Promise<unknown> => {
  if (!(error instanceof NotAsExpected)) return error
  const { message, expected, got } = error
  const code = isRefusalCode(got) ? got : await refusedSince(world)
  if (code === undefined) return error
  const { title, next } = refusals[code]
  return new Failure(message, {
    why: `expected ${expected}, got ${got === code ? '' : `${got}: `}refused with ${code}: ${title}`,
    next: `${next} ${elsewhere}`,
    exitCode: exitCodes.refused,
  })
}

/** The last refusal on record of the intent asked for last, after the last line that the demo said. */
const refusedSince = async ({
  callAsAgent,
  reached: { at, intentId },
  signal,
}: Pick<DemoWorld, 'callAsAgent' | 'reached' | 'signal'>): Promise<RefusalCode | undefined> => {
  if (intentId === undefined) return undefined
  // What is wrong has a name already, if a less clear one.
  const story = await callAsAgent<Story>(`/v1/intents/${intentId}/story`, { signal }).catch(() => undefined)
  const codes = (story?.steps ?? []).flatMap((step) => (Date.parse(step.at) > at ? (step.code ?? []) : []))
  return codes.filter(isRefusalCode).at(-1)
}
