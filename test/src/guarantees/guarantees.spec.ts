import { openCast } from '@countersign/cli'
import {
  type Cast,
  checkGuarantee,
  countersignGate,
  faults,
  type Guarantee,
  guarantees,
  type Result,
  runGuarantees,
  type Send,
  sendTo,
  trialPolicies,
} from '@countersign/conformance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'

const { signal } = new AbortController()
const patienceMs = 90_000
let running: Running
let cast: Cast
/** Whatever waits for a deadline begins at once, and is looked at last. */
let waiting: Map<string, Promise<Result>>
beforeAll(async () => {
  running = await startRunning({ bus: 'postgres', more: () => ['--policies', trialPolicies] })
  cast = await openCast(running, signal)
  waiting = new Map(
    faults
      .filter(({ guarantee }) => guaranteeOf(guarantee).waitsForDeadline === true)
      .map(({ guarantee, what, seed }) => [what, check(guaranteeOf(guarantee), seed)]),
  )
}, startTimeoutMs)
afterAll(() => running.stop())

const guaranteeOf = (id: string): Guarantee => {
  const found = guarantees.find((guarantee) => guarantee.id === id)
  if (found === undefined) throw new Error(`there is no ${id}`)
  return found
}
const gateOver = (send: Send) => countersignGate(send, cast.agentName ?? '')
const check = (guarantee: Guarantee, seed: (send: Send) => Send = (send) => send): Promise<Result> =>
  checkGuarantee(guarantee, { gate: gateOver(seed(sendTo(running.baseUrl))), cast, signal })

describe('the guarantees', () => {
  it(
    'hold on a fresh instance, all of them',
    async () => {
      const results = await runGuarantees({ guarantees, gate: gateOver(sendTo(running.baseUrl)), cast, signal })
      expect(results.filter(({ verdict }) => verdict !== 'PASS')).toEqual([])
      expect(results).toHaveLength(guarantees.length)
    },
    patienceMs,
  )
})

describe('a gate that is broken', () => {
  it.each(faults)(
    'fails $guarantee when $what',
    async ({ guarantee, what, seed }) => {
      const { verdict, told } = await (waiting.get(what) ?? check(guaranteeOf(guarantee), seed))
      expect({ verdict, told }).toMatchObject({ verdict: 'FAIL' })
    },
    patienceMs,
  )
})

describe('the record of a gate that somebody edited', () => {
  it('fails G34: the entry of the log is not the one that was proven', async () => {
    // Whatever is in the log when an entry is asked for is edited, as somebody could who owns the database.
    const edit = async (): Promise<void> => {
      const client = await running.superuser.connect()
      try {
        await client.query(`set session_replication_role = 'replica'`)
        await client.query(
          `update ledger.entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), 'trial/', 'Trial/'), 'UTF8')`,
        )
      } finally {
        client.release(true)
      }
    }
    const seed =
      (send: Send): Send =>
      async (exchange) => {
        if (exchange.path.includes('/tile/entries/')) await edit()
        return send(exchange)
      }
    const { verdict, told } = await check(guaranteeOf('G34'), seed)
    expect({ verdict, told }).toMatchObject({
      verdict: 'FAIL',
      told: 'the proof of ActionIntentPublished does not hold',
    })
  })
})
