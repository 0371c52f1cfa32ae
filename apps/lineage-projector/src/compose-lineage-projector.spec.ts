import { randomBytes } from 'node:crypto'
import { createPostgresBus, migrateBus, type OutboundRecord, type PostgresBus } from '@countersign/bus'
import { groups, topics } from '@countersign/contracts'
import type { SpecStore } from '@countersign/event-store/spec-store'
import { lifeOf } from '@countersign/lineage-graph/life-fixture'
import { buildService, createLog, eventRecord, readConfig, type Service } from '@countersign/service-kit'
import { recordMac } from '@countersign/redaction'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { composeLineageProjector } from './compose-lineage-projector.ts'
import { lineageProjectorConfig } from './lineage-projector.config.ts'
import { freshProjection, rowsOf } from './projection.fixture.ts'

const secret = randomBytes(32)
const key = { kid: '1', secret }
/** A record of ours with another value, and the right MAC for it. */
const authentic = (recordKey: string, text: string): OutboundRecord => {
  const value = Buffer.from(text)
  const mac = recordMac(secret, { topic: topics.events, key: recordKey, value })
  return { topic: topics.events, key: recordKey, value, headers: { 'countersign-kid': '1', 'countersign-mac': mac } }
}
let store: SpecStore
let bus: PostgresBus
let service: Service

beforeAll(async () => {
  store = await freshProjection()
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: ['countersign_lineage'] })
  await owner.end()
  // Everything comes three times, as after a consumer that died.
  bus = createPostgresBus({ pool: store.poolOf('lineage'), log: () => undefined, pollMs: 50, redeliver: () => 3 })
  service = await buildService({
    name: 'lineage-projector',
    config: readConfig(lineageProjectorConfig, {
      DATABASE_URL: store.urlOf('lineage'),
      BUS_MAC_KEY: secret.toString('base64url'),
      OIDC_ISSUER: 'https://id.example',
    }),
    log: createLog({ service: 'lineage-projector', destination: { write: () => undefined } }),
    compose: composeLineageProjector({ bus }),
  })
  await service.start()
})
afterAll(async () => {
  await service.stop()
  await bus.close()
  await store.drop()
})

const settled = async () => {
  while ((await bus.lag(groups.lineage)).some(({ records }) => records > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

it('projects what the bus brings, parks what it does not know and shows nothing forged', async () => {
  const events = lifeOf({ n: 1, ending: 'succeeded' })
  const [first] = lifeOf({ n: 2, ending: 'denied' })
  const forged = eventRecord({ kid: '1', secret: randomBytes(32) }, first ?? expect.fail('no event'))
  const [other] = lifeOf({ n: 3, ending: 'published' })
  const ofTomorrow = eventRecord(key, other ?? expect.fail('no event'))
  const tomorrow = Buffer.from(ofTomorrow.value ?? [])
    .toString()
    .replace('ActionIntentPublished.v1', 'ActionIntentPublished.v9')
  await bus.publish([
    ...events.map((event) => eventRecord(key, event)),
    forged,
    authentic(other?.streamId ?? '', tomorrow),
    authentic('x', 'no event'),
  ])
  await settled()

  const rows = await rowsOf(store.superuser)
  expect(rows.audit_event).toHaveLength(events.length)
  expect(rows.node?.filter((row) => (row as { kind: string }).kind === 'intent')).toHaveLength(1)
  expect(await bus.parked(groups.lineage)).toMatchObject([{ key: other?.streamId, reason: 'unknown_event' }])
  const { rows: reasons } = await store.superuser.query<{ reason: string }>(
    `select convert_from(value, 'utf8')::jsonb ->> 'reason' as reason from bus.log where topic = $1 order by reason`,
    [topics.quarantine],
  )
  expect(new Set(reasons.map(({ reason }) => reason))).toEqual(new Set(['event_malformed', 'mac_invalid']))
})
