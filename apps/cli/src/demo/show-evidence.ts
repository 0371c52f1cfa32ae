import type { IntentView } from '@countersign/contracts'
import { decodeEntryBundle, leafHash, parseTlogProof, tilePath, tileWidth } from '@countersign/merkle-log'
import type { AuditPage, AuditRow } from '../read-evidence/audit.command.ts'
import type { Neighbourhood } from '../read-evidence/lineage.command.ts'
import type { Story } from '../read-evidence/story.command.ts'
import { plain, plural, shortDigest } from '../print/words.ts'
import { trustedLog, verifyProof } from '../verify-log/verify-proof.ts'
import { expectSame, notAsExpected, notYet, until, type DemoWorld } from './demo-world.ts'

const pageSize = 2_000

/** Cursor behind the last audit row there is now. */
export const auditEnd = async ({ ben, signal }: DemoWorld): Promise<string> => {
  let after = ''
  for (;;) {
    const query = after === '' ? '' : `&after=${after}`
    const page = await ben.call<AuditPage>(`/v1/audit?limit=${pageSize}${query}`, { signal })
    after = page.next
    if (page.rows.length < pageSize) return after
  }
}

/** The way from the agent to the data, from the lineage graph, in one line. */
export const showLineage = async (world: DemoWorld, { intentId }: IntentView): Promise<void> => {
  const { dana, ben, signal } = world
  const began = performance.now()
  const graph = await until(
    'the export in the lineage graph',
    async () => {
      const found = await dana.call<Neighbourhood>(`/v1/lineage/intent/${intentId}`, { signal }).catch(notYet)
      return found?.edges.some(({ kind }) => kind === 'flow') === true ? found : undefined
    },
    { signal },
  )
  const ms = performance.now() - began
  const { path } = await ben.call<Story>(`/v1/intents/${intentId}/story`, { signal })
  const wanted = [world.agent, ben.name ?? 'Ben', '(Slack)', 'customers ⇒ s3://partner-eu']
  const missing = wanted.find((part) => !path.includes(part))
  if (missing !== undefined) throw notAsExpected('the lineage path', missing, path)
  world.say({ label: 'lineage', what: plain(path) })
  world.say({
    what: `the graph around it: ${graph.nodes.length} nodes, ${graph.edges.length} edges`,
    outcome: 'PROJECTED',
    ms,
    reason: 'ids only; names are joined for who may see them',
  })
}

type Row = AuditRow & { readonly metadata: { readonly correlation_uid?: string }; readonly is_alert?: boolean }
const codeOf = ({ metadata }: Row): string => metadata.event_code ?? ''

/** The rows that a SIEM gets of what just happened, the refused approval among them. */
export const showAuditRows = async (world: DemoWorld, intents: readonly IntentView[], after: string): Promise<void> => {
  const ids = new Set(intents.map(({ intentId }) => intentId))
  const began = performance.now()
  const rows = await until(
    'the audit rows',
    async () => {
      const query = `/v1/audit?limit=${pageSize}&after=${encodeURIComponent(after)}`
      const page = await world.ben.call<AuditPage>(query, { signal: world.signal })
      const ours = (page.rows as readonly Row[]).filter(({ metadata }) => ids.has(metadata.correlation_uid ?? ''))
      return ours.some((row) => codeOf(row).includes('.ExecutionSucceeded.')) ? ours : undefined
    },
    { signal: world.signal },
  )
  const attempt = rows.find((row) => codeOf(row).includes('.VerdictRefused.'))
  expectSame('the refused approval among the audit rows', 'owner_of_agent', attempt?.status_code)
  expectSame('the refused approval is an alert', 'true', String(attempt?.is_alert))
  world.say({
    label: 'SIEM',
    what: `${plural(rows.length, 'OCSF row')} of these three requests`,
    outcome: 'RECORDED',
    ms: performance.now() - began,
    reason: `an alert among them: "${plain(attempt?.message ?? '')}" (${attempt?.status_code ?? ''})`,
  })
}

/** An approval with everything needed to check that it is in the log. */
export type ProvenApproval = {
  readonly log: string
  readonly vkey: string
  readonly index: number
  readonly eventId: string
  /** The signed checkpoint, as it would be saved elsewhere. */
  readonly checkpoint: string
  /** The entry itself. */
  readonly leaf: Buffer
}

/** Takes the second person's approval out of the ledger and verifies here, from its bytes, that it is in the log. */
export const showProof = async (world: DemoWorld, { intentId }: IntentView): Promise<ProvenApproval> => {
  const { ben, signal } = world
  const story = await ben.call<Story>(`/v1/intents/${intentId}/story`, { signal })
  const eventId = story.steps.find(({ event }) => event === 'VerdictRecorded')?.eventId
  if (eventId === undefined) throw notAsExpected('the approval in the story', 'VerdictRecorded', 'no such step')
  const { logs } = await ben.call<{ logs: { log: string; vkey: string }[] }>('/v1/ledger/logs', { signal })
  const [own] = logs
  if (own === undefined) throw notAsExpected('the log of the tenant', 'a log', 'none')
  const { log, vkey } = own
  const proofPath = `/v1/ledger/${log}/events/${eventId}/proof`
  const { index, size, proof } = await until(
    'the approval in a signed checkpoint',
    () => ben.call<{ index: number; size: number; proof: string }>(proofPath, { signal }).catch(notYet),
    { signal },
  )
  const leaf = await entryAt(world, log, { index: world.fault === 'other-entry' ? index - 1 : index, size })
  const began = performance.now()
  const verified = verifyProof(proof, leafHash(leaf), trustedLog(vkey))
  const ms = performance.now() - began
  if (verified.verdict !== 'verified') throw notAsExpected('the proof', 'verified', verified.code)
  const entry = JSON.parse(leaf.toString('utf8')) as { id?: string; type?: string }
  expectSame('the entry is the approval', eventId, entry.id)
  world.say({
    label: 'proof',
    what: `entry ${index} of ${size} in a signed checkpoint`,
    outcome: 'VERIFIED',
    ms,
    reason: `Ben's approval, offline from its bytes: ${shortDigest(`sha256:${leafHash(leaf).toString('hex')}`)}`,
  })
  return { log, vkey, index, eventId, leaf, checkpoint: parseTlogProof(proof)?.checkpoint ?? '' }
}

/** Bytes of one entry, as the tenant's auditors may read them. */
const entryAt = async (
  { ben }: DemoWorld,
  log: string,
  { index, size }: { index: number; size: number },
): Promise<Buffer> => {
  const tile = Math.floor(index / 256)
  const path = tilePath({ level: 'entries', index: tile, width: tileWidth(0, tile, size) })
  const entries = decodeEntryBundle(await ben.fetch(`/v1/ledger/${log}/${path}`))
  const entry = entries?.[index % 256]
  if (entry === undefined) throw notAsExpected('the entry', `entry ${index}`, 'no such entry')
  return Buffer.from(entry)
}
