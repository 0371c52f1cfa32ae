import { createHash } from 'node:crypto'
import type { QuarantineCoordinates } from '@countersign/bus'
import type pg from 'pg'
import { producerCaller } from './producer-caller.ts'
import { writtenTo } from './producer-topics.ts'
import type { RefuseRecords } from './refuse-records.ts'

/**
 * Answers the reference under which a quarantined record is announced. Its bytes are sealed under the key of the tenant
 * whose producer wrote it, which most handlers did already; a record that no handler could have is sealed here.
 */
export const sealQuarantined =
  (pool: pg.Pool, refuse: RefuseRecords) =>
  async (bytes: Uint8Array, coordinates: QuarantineCoordinates): Promise<string> => {
    const { topic, position } = coordinates
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const known = refuse.justQuarantined({ topic, position, hash: digest })
    if (known !== undefined) return known
    const { producer, command } = writtenTo(topic)
    const caller = await producerCaller(pool, producer)
    const timestamp = new Date().toISOString()
    const delivered = { topic, position, key: null, value: bytes, headers: {}, timestamp }
    return refuse.reference({ caller, command, delivered, coordinates, record: { topic, position, digest } })
  }
