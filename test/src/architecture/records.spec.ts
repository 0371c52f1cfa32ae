import { eventDefinitions, type RecordedEventOf, topics } from '@countersign/contracts'
import { eventRecord } from '@countersign/service-kit'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readText, root } from './workspace.ts'

const asyncApi = JSON.parse(readText('libs/contracts/generated/asyncapi.json')) as {
  channels: { events: { address: string } }
  components: { messages: Record<string, { payload: object; headers: object }>; schemas: Record<string, object> }
}
const ajv = new Ajv2020({ strict: false })
ajv.addSchema({ ...asyncApi, $id: 'asyncapi' })

const key = { kid: 'one', secret: Buffer.alloc(32, 7) }
const recorded = (definition: (typeof eventDefinitions)[number], data: unknown): RecordedEventOf =>
  ({
    eventId: '019d0c4e-7b00-7000-8000-000000000001',
    type: definition.name,
    schemaVersion: definition.version,
    tenantId: '019d0c4e-7b00-7000-8000-000000000002',
    kind: definition.kind,
    streamId: '019d0c4e-7b00-7000-8000-000000000003',
    version: 3,
    data,
    metadata: { service: definition.owner, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    recordedAt: '2026-11-21T10:00:00.000Z',
  }) as RecordedEventOf

it('sends every event as AsyncAPI describes it: topic, key, headers and value', () => {
  expect(asyncApi.channels.events.address).toBe(topics.events)
  for (const definition of eventDefinitions) {
    const { name, version } = definition
    const payload = ajv.compile({ $ref: `asyncapi#/components/messages/${name}/payload` })
    const headers = ajv.compile({ $ref: `asyncapi#/components/messages/${name}/headers` })
    const folder = `libs/contracts/fixtures/${name}.v${version}`
    for (const file of readdirSync(join(root, folder)).filter((one) => one.endsWith('.json'))) {
      const record = eventRecord(key, recorded(definition, JSON.parse(readText(`${folder}/${file}`))))
      const value = JSON.parse(Buffer.from(record.value ?? []).toString('utf8')) as object
      expect([name, payload(value), payload.errors]).toEqual([name, true, null])
      expect([name, headers(record.headers), record.topic, record.key]).toEqual([
        name,
        true,
        topics.events,
        '019d0c4e-7b00-7000-8000-000000000003',
      ])
      expect(payload({ ...value, specversion: '0.3' })).toBe(false)
    }
  }
})
