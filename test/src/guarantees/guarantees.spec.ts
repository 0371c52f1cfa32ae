import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
import { runCommand } from '../instance/command-line.ts'
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

describe('the self-test of a deployment', () => {
  const selfTest = async (...argv: string[]) => {
    const { code, out, err } = await runCommand('self-test', '--json', '--only', 'G01,G12', ...argv)
    const results = out === '' ? [] : (JSON.parse(out) as { results: Result[] }).results
    return { code, err, verdicts: results.map(({ verdict }) => verdict) }
  }
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-self-test-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const at = () => ['--url', running.baseUrl]

  it('makes its own people where the data folder is here, as often as it is run', async () => {
    for (let run = 0; run < 2; run += 1) {
      expect(await selfTest(...at(), '--data-dir', running.dataDir)).toMatchObject({
        code: 0,
        verdicts: ['PASS', 'PASS'],
      })
    }
    const { code, err } = await selfTest(...at(), '--data-dir', folder)
    expect(code).not.toBe(0)
    expect(err).toContain('is not the data folder of')
  })

  it('takes whoever a file names, and passes nothing that needs somebody else', async () => {
    const known = await file('cast.json', JSON.stringify(cast))
    expect(await selfTest(...at(), '--cast', known)).toMatchObject({ code: 0, verdicts: ['PASS', 'PASS'] })
    const { agent, agentName } = cast
    const few = await file('few.json', JSON.stringify({ agent, agentName }))
    expect(await selfTest(...at(), '--cast', few)).toMatchObject({ code: 1, verdicts: ['INCOMPLETE', 'PASS'] })
  })

  it('speaks with another product through an adapter, which passes nothing by what it lacks or breaks', async () => {
    const example = fileURLToPath(new URL('../../../docs/examples/gate-adapter.mjs', import.meta.url))
    const known = await file('cast.json', JSON.stringify(cast))
    const asked = await selfTest(...at(), '--cast', known, '--adapter', example)
    expect(asked.code).toBe(1)
    expect(asked.verdicts).not.toContain('PASS')
    const broken = await file('broken.mjs', 'export const gate = 1')
    const { code, err } = await selfTest(...at(), '--cast', known, '--adapter', broken)
    expect([code === 0, err.includes('has no adapter')]).toEqual([false, true])
    expect((await selfTest('--adapter', example)).err).toContain('--url')
  })
})
