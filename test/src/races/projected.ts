import { randomBytes } from 'node:crypto'
import { createPostgresBus, migrateBus } from '@countersign/bus'
import { groups } from '@countersign/contracts'
import { storeRoles, type StoredEvent } from '@countersign/event-store'
import type { SpecStore } from '@countersign/event-store/spec-store'
import { composeLineageProjector, lineageProjectorConfig, migrateLineage } from '@countersign/lineage-projector'
import { buildService, createLog, eventRecord, readConfig } from '@countersign/service-kit'
import pg from 'pg'
import { until } from '../instance/until.ts'

const recordsAtOnce = 500

/** Carries events over a bus to the real projector, and resolves when it has projected all of them. */
export const project = async (
  store: Pick<SpecStore, 'poolOf' | 'urlOf'>,
  events: readonly StoredEvent[],
): Promise<void> => {
  await migrateLineage(store.urlOf('owner'))
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.lineage] })
  await owner.end()
  const key = { kid: '1', secret: randomBytes(32) }
  const bus = createPostgresBus({ pool: store.poolOf('lineage'), log: () => undefined })
  const service = await buildService({
    name: 'lineage-projector',
    config: readConfig(lineageProjectorConfig, {
      DATABASE_URL: store.urlOf('lineage'),
      BUS_MAC_KEY: key.secret.toString('base64url'),
      OIDC_ISSUER: 'https://id.example',
    }),
    log: createLog({ service: 'lineage-projector', level: 'silent' }),
    compose: composeLineageProjector({ bus }),
  })
  await service.start()
  try {
    for (let at = 0; at < events.length; at += recordsAtOnce)
      await bus.publish(events.slice(at, at + recordsAtOnce).map((event) => eventRecord(key, event)))
    const behind = async (): Promise<boolean> =>
      (await bus.lag(groups.lineage)).some(({ records }) => Number(records) > 0)
    await until(async () => !(await behind()), { what: 'the projection', withinMs: 600_000 })
  } finally {
    await service.stop()
    await bus.close()
  }
}
