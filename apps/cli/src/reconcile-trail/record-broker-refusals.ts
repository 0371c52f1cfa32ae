import type { Http } from '@countersign/client'
import type { BrokerRefusals, RecordedBrokerRefusals } from '@countersign/contracts'
import { table } from '../print/table.ts'
import { plain, plural } from '../print/words.ts'
import type { BrokerRefusal, ReadBrokerLog } from './broker-refusals.ts'

const atOnce = 200

/** A kind of refused attempts with what the deployment says of it. */
export type RecordedRefusal = Omit<BrokerRefusal, 'times'> & {
  readonly firstAt: string
  readonly lastAt: string
  readonly count: number
  readonly isProducer: boolean
  /** Attempts that were not recorded before. */
  readonly recorded: number
}

/**
 * Has the refused attempts recorded, as an operator of the deployment. Each once, however often the log is brought: of a
 * kind that is known up to a time only what came later is sent again.
 */
export const recordBrokerRefusals = async (
  call: Http,
  refusals: readonly BrokerRefusal[],
  signal: AbortSignal,
): Promise<RecordedRefusal[]> => {
  const all: RecordedRefusal[] = []
  for (let from = 0; from < refusals.length; from += atOnce) {
    const some = refusals.slice(from, from + atOnce)
    const answers = await send(call, some, signal)
    const later = some.map(({ times, ...kind }, index) => {
      const upTo = Date.parse(answers[index]?.recordedUpTo ?? '')
      return { ...kind, times: times.filter((at) => at > upTo) }
    })
    const left = later.filter(({ times }) => times.length > 0)
    const second = left.length === 0 ? [] : await send(call, left, signal)
    const taken = new Set(left.filter((_, index) => second[index]?.recorded === true))
    for (const [index, { times, ...kind }] of some.entries()) {
      const { recorded: isNew = false, isProducer = false } = answers[index] ?? {}
      const rest = later[index]
      const recorded = isNew ? times.length : rest !== undefined && taken.has(rest) ? rest.times.length : 0
      all.push({ ...kind, ...spanOf(times), isProducer, recorded })
    }
  }
  return all
}

const send = async (
  call: Http,
  refusals: readonly BrokerRefusal[],
  signal: AbortSignal,
): Promise<RecordedBrokerRefusals['refusals']> => {
  const body: BrokerRefusals = { refusals: refusals.map(({ times, ...kind }) => ({ ...kind, ...spanOf(times) })) }
  return (await call<RecordedBrokerRefusals>('/v1/broker-refusals', { method: 'POST', body, signal })).refusals
}

const spanOf = (times: readonly number[]) => ({
  firstAt: new Date(times[0] ?? 0).toISOString(),
  lastAt: new Date(times.at(-1) ?? 0).toISOString(),
  count: times.length,
})

/** What the broker refused, a line for each kind, then what was read. */
export const linesOfRefusals = (
  refusals: readonly RecordedRefusal[],
  { quarantined }: Pick<ReadBrokerLog, 'quarantined'>,
): string[] => {
  const rows = refusals.map((one) =>
    [
      one.firstAt,
      one.principal,
      one.isProducer ? 'producer' : 'no producer',
      one.operation,
      `${one.resourceType} ${one.resource}`,
      one.host,
      one.count === 1 ? 'once' : `${one.count} times, last ${one.lastAt}`,
      one.recorded === 0 ? 'known' : one.recorded === one.count ? 'recorded' : `${one.recorded} recorded`,
    ].map(plain),
  )
  const attempts = refusals.reduce((sum, { count }) => sum + count, 0)
  const recorded = refusals.reduce((sum, one) => sum + one.recorded, 0)
  return [
    ...table(
      (rows[0] ?? []).map(() => ({ title: '' })),
      rows,
    ).slice(1),
    ...quarantined.map(({ reason, place }) => `could not be read: ${place} ${reason}`),
    `${plural(attempts, 'attempt')} refused by the broker · ${recorded} recorded now`,
  ]
}
