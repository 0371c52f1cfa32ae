import { type CpuClocks, round, type Spread, spreadOf } from './measure.ts'
import type { Round } from './side/side.ts'

/** What one side of a comparison reached, in its counted rounds. */
export type RateFigures = {
  readonly what: string
  readonly perSecond: Spread
  /** Per second of CPU of the processes named in `what`. */
  readonly perCpuSecond: Spread
  readonly cpuSeconds: Spread
  readonly rounds: readonly Round[]
}

/** Runs the sides in turns, A B B A ..., so that what drifts on the machine meets both. A first round warms up and is not counted. */
export const interleaved = async <Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, () => Promise<Round>>>,
): Promise<Record<Name, Round[]>> => {
  const names = Object.keys(sides) as Name[]
  const done = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Round[]>
  for (let at = 0; at <= rounds; at += 1) {
    for (const name of at % 2 === 0 ? names : names.toReversed()) {
      const cost = await sides[name]()
      if (at > 0) done[name].push(rounded(cost))
    }
  }
  return done
}

const rounded = ({ count, wallMs, cpuMs, serverCpuMs }: Round): Round => ({
  count,
  wallMs: round(wallMs, 1),
  cpuMs: round(cpuMs, 1),
  ...(serverCpuMs === undefined ? {} : { serverCpuMs: round(serverCpuMs, 1) }),
})

/** A round in this process, with what the database's processes spent beside it. */
export const roundOf = async ({ node, postgres }: CpuClocks, work: () => Promise<number>): Promise<Round> => {
  const [ownBefore = 0, serverBefore] = [await node(), await postgres()]
  const began = performance.now()
  const count = await work()
  const wallMs = performance.now() - began
  const [ownAfter = 0, serverAfter] = [await node(), await postgres()]
  const known = serverBefore !== undefined && serverAfter !== undefined
  return rounded({
    count,
    wallMs,
    cpuMs: ownAfter - ownBefore,
    ...(known ? { serverCpuMs: serverAfter - serverBefore } : {}),
  })
}

const perSecond = ({ count, wallMs }: Round): number => (count * 1_000) / wallMs
const perCpuSecond = ({ count, cpuMs }: Round): number => (count * 1_000) / cpuMs

export const figuresOf = (what: string, rounds: readonly Round[]): RateFigures => ({
  what,
  perSecond: spreadOf(rounds.map(perSecond), 0),
  perCpuSecond: spreadOf(rounds.map(perCpuSecond), 0),
  cpuSeconds: spreadOf(rounds.map(({ cpuMs }) => cpuMs / 1_000)),
  rounds,
})

/** Which rate two sides are compared by. */
export type Rate = 'perSecond' | 'perCpuSecond'

/** Ours ÷ the yardstick, round by round. */
export const ratioOf = (ours: readonly Round[], yardstick: readonly Round[], rate: Rate): Spread => {
  const of = rate === 'perSecond' ? perSecond : perCpuSecond
  return spreadOf(
    ours.map((one, at) => {
      const other = yardstick[at]
      return other === undefined ? Number.NaN : of(one) / of(other)
    }),
  )
}
