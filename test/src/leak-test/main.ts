import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Running, startRunning } from '../running.ts'
import { Canaries } from './canaries.ts'
import { plantEverywhere } from './plant.ts'
import { type Hit, searcher, type Surface } from './search.ts'
import { auditTopic, files, reads, slack, tables } from './surfaces.ts'

const say = (line = ''): void => void process.stdout.write(`${line}\n`)

type Searched = {
  readonly name: string
  readonly surfaces: number
  readonly bytes: number
  readonly hits: readonly Hit[]
}

const search = (name: string, surfaces: readonly Surface[], find: (surface: Surface) => Hit[]): Searched => ({
  name,
  surfaces: surfaces.length,
  bytes: surfaces.reduce((sum, { bytes }) => sum + bytes.length, 0),
  hits: surfaces.flatMap(find),
})

/** Plants a secret of its own in the open, in four ways, and tells which of them the search did not find. */
const selfCheck = async (running: Running): Promise<string[]> => {
  const canaries = new Canaries()
  const plain = canaries.plant('self-check')
  const card = canaries.plantCard('self-check')
  const file = join(running.dataDir, 'leak-self-check.txt')
  await running.superuser.query('create table public.leak_self_check (note text, raw bytea, doc jsonb)')
  try {
    await writeFile(file, `a note, then ${plain}`)
    await running.superuser.query('insert into public.leak_self_check values ($1, $2, $3)', [
      `card ${card}`,
      Buffer.from(`x${Buffer.from(`xx${plain}`).toString('base64')}`),
      JSON.stringify({ deep: [{ hex: Buffer.from(plain).toString('hex') }] }),
    ])
    const hits = [...(await tables(running)), ...(await files(running))].flatMap(searcher(canaries))
    const expected = [
      'public.leak_self_check.note',
      'public.leak_self_check.raw',
      'public.leak_self_check.doc',
      'leak-self-check.txt',
    ]
    return expected.filter((name) => !hits.some(({ surface }) => surface === name))
  } finally {
    await running.superuser.query('drop table public.leak_self_check')
    await rm(file, { force: true })
  }
}

const traceFile = (dataDir: string): string => join(dataDir, 'traces.jsonl')

const run = async (): Promise<boolean> => {
  let metricsPort = 0
  const running = await startRunning({
    logLevel: 'trace',
    more: (dataDir, freePort) => {
      metricsPort = freePort
      return ['--trace-file', traceFile(dataDir), '--metrics-port', String(freePort)]
    },
  })
  try {
    const missed = await selfCheck(running)
    say(
      missed.length === 0
        ? 'self-check: four secrets in the open, four found'
        : `self-check: NOT FOUND in ${missed.join(', ')}`,
    )
    if (missed.length > 0) return false

    const canaries = new Canaries()
    const planted = await plantEverywhere(running, canaries)
    say(
      `planted ${canaries.planted.length} secrets in as many places: ${planted.accepted} requests taken, ${planted.refused} refused`,
    )
    say()
    const find = searcher(canaries)
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const onDisk = await files(running)
    const isDatabase = ({ name }: Surface): boolean => name.startsWith('database file')
    const results = [
      search('PostgreSQL, every column', await tables(running), find),
      search('the SIEM topic', await auditTopic(running), find),
      search('PostgreSQL, files and write-ahead log', onDisk.filter(isDatabase), find),
      search(
        'other files of the data folder',
        onDisk.filter((surface) => !isDatabase(surface)),
        find,
      ),
      search('answers to the planting requests', planted.answers, find),
      search('reads by requester, reviewer, auditor', await reads(running, planted.intentIds, planted.reviewIds), find),
      search('Slack messages and pages', await slack(running), find),
      search('service logs at level trace', [{ name: 'log', bytes: Buffer.from(running.process.output) }], find),
      search('traces', [{ name: 'traces', bytes: await readFile(traceFile(running.dataDir)) }], find),
      search('metrics', [{ name: 'metrics', bytes: Buffer.from(metrics) }], find),
    ]
    for (const { name, surfaces, bytes, hits } of results) {
      const size = `${(bytes / 1024).toFixed(0).padStart(8)} KiB`
      say(`${name.padEnd(40)}${String(surfaces).padStart(6)} places${size}${String(hits.length).padStart(6)} found`)
    }
    const hits = results.flatMap((result) => result.hits)
    say()
    const byPlace = Map.groupBy(hits, ({ place, kind }) => `${place} (${kind})`)
    for (const [place, found] of byPlace) {
      const where = new Set(found.map(({ surface, how }) => (how === 'plain' ? surface : `${surface} in ${how}`)))
      say(`LEAK  ${place} stands in ${[...where].join(', ')}`)
    }
    say(
      byPlace.size === 0
        ? 'nothing leaves the sealed table'
        : `${byPlace.size} of ${canaries.planted.length} secrets leak`,
    )
    return hits.length === 0
  } finally {
    await running.stop()
  }
}

process.exitCode = (await run()) ? 0 : 1
