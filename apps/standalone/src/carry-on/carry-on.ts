import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publishAgain } from '@countersign/relay'
import type { DataDir } from '../open-data-dir/open-data-dir.ts'

/** Which bus: the embedded one, or one certain Kafka cluster. */
export type BusName = 'postgres' | `kafka ${string}`

/**
 * Has every event carried again when the bus is another one than at the last start of this data folder: what the other
 * carried is not on this one, and nobody there may have taken it.
 */
export const carryOn = async (dataDir: DataDir, bus: BusName, ownerUrl: string): Promise<void> => {
  const file = join(dataDir.path, 'bus')
  const before = existsSync(file) ? readFileSync(file, 'utf8') : 'postgres'
  if (before === bus) return
  await publishAgain(ownerUrl)
  writeFileSync(`${file}.new`, bus, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
