import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { eventDefinitions, type EventName } from './catalogue.ts'
import { type StreamKind, wireType } from './event.ts'

/** An example of an event type, as its schema takes it. */
export type EventExample = {
  readonly name: EventName
  readonly wireType: string
  readonly kind: StreamKind
  readonly data: object
}

const root = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** Every example of every event type, in the order of the catalogue. For specs. */
export const eventExamples = (): readonly EventExample[] =>
  eventDefinitions.flatMap(({ name, version, kind }) => {
    const folder = `${root}${name}.v${version}`
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .map((file) => ({
        name,
        wireType: wireType(name, version),
        kind,
        data: JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as object,
      }))
  })
