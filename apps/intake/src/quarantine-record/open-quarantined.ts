import { type Keyring, registerStream, type StreamRef } from '@countersign/event-store'
import type { FoundRecord } from './find-quarantined.ts'
import type { QuarantinedHead } from './seal-records.ts'

/** What was sealed of a record. */
export type OpenedRecord = { readonly head: QuarantinedHead; readonly value: Buffer }

/** What people did about one quarantined record: who read it, who had it taken again. */
export const quarantineStream = (tenantId: string, quarantineId: string): StreamRef =>
  registerStream(tenantId, 'quarantine', quarantineId)

/** The sealed parts of records, by quarantine id; those that were not kept, or were erased, are missing. */
export const openSealed = async (
  keyring: Keyring,
  tenantId: string,
  records: readonly FoundRecord[],
): Promise<Map<string, OpenedRecord>> => {
  const ids = records.flatMap(({ sealedId, sealedHeadId }) => [sealedId, sealedHeadId].filter((id) => id !== null))
  const opened = await keyring.openBatch(ids.map((sealedId) => ({ tenantId, sealedId })))
  const found = new Map<string, OpenedRecord>()
  for (const { view, sealedId, sealedHeadId } of records) {
    const value = opened.get(sealedId ?? '')
    const head = opened.get(sealedHeadId ?? '')
    if (value?.status !== 'open' || head?.status !== 'open') continue
    found.set(view.quarantineId, {
      value: value.plaintext,
      head: JSON.parse(head.plaintext.toString('utf8')) as QuarantinedHead,
    })
  }
  return found
}
