import { readFileSync } from 'node:fs'
import type { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { expect, it } from 'vitest'
import { ExecutionMessage, IntentMessage, OutcomeMessage } from '../cloud-event.schema.ts'

const page = readFileSync(new URL('../../../../docs/how-to/produce-over-kafka.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => JSON.parse(text) as object)
const fits = (schema: Type.TSchema, value: unknown) => [...Compile(schema).Errors(value)]

it('shows producers only messages that are taken and sent', () => {
  const [intent, outcome, report, refused] = examples
  expect(examples).toHaveLength(4)
  expect(fits(IntentMessage, intent)).toEqual([])
  expect(fits(OutcomeMessage, outcome)).toEqual([])
  expect(fits(ExecutionMessage, report)).toEqual([])
  const { subject: _subject, ...withoutIntent } = outcome as { subject?: string }
  expect(fits(OutcomeMessage, { ...withoutIntent, data: refused })).toEqual([])
})
