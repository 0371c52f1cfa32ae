import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Controller, Get, Headers, Module } from '@nestjs/common'
import { afterEach, describe, expect, it } from 'vitest'
import { buildService } from './build-service.ts'
import { createLog } from './log.ts'
import { counter, histogram, observableGauge } from './metrics.ts'
import { Public } from './route-rules.ts'
import { withBatchSpan, withSpan } from './spans.ts'
import { type SpanLine, startTelemetry, type Telemetry } from './telemetry.ts'
import { currentTraceparent, extractTrace, injectTrace, isSampled, withTraceOf } from './trace-context.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

@Public()
@Controller()
class EchoController {
  @Get('trace')
  async read(@Headers('traceparent') _sent: string) {
    return withSpan('intake.read-intent', { 'countersign.intent.id': 'i1' }, () => injectTrace({}))
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

let telemetry: Telemetry | undefined
afterEach(async () => {
  await telemetry?.stop()
  telemetry = undefined
})

const collect = async (ratio = 1): Promise<SpanLine[]> => {
  const spans: SpanLine[] = []
  telemetry = await startTelemetry({
    service: 'intake',
    traces: { kind: 'memory', onSpan: (span) => spans.push(span) },
    ratio,
  })
  return spans
}

describe('traces', () => {
  it('cost nothing and carry nothing while they are off', async () => {
    telemetry = await startTelemetry({ service: 'intake', traces: { kind: 'off' } })
    expect(await withSpan('policy.evaluate-intent', {}, () => currentTraceparent())).toBeUndefined()
    expect(injectTrace({ a: '1' })).toEqual({ a: '1' })
  })

  it('cross the HTTP edge: from the caller through the request to what is sent on', async () => {
    const spans = await collect()
    const service = await buildService({
      name: 'intake',
      config: {},
      log: createLog({ service: 'intake', level: 'silent' }),
      compose: () => ({ module: EchoModule }),
    })
    const url = await service.listen({ port: 0 })
    const sent = (await (await fetch(`${url}/trace`, { headers: { traceparent } })).json()) as { traceparent: string }
    await service.stop()
    const [inner, outer] = spans
    expect(spans.map((span) => span.name)).toEqual(['intake.read-intent', 'GET /trace'])
    expect([outer?.traceId, outer?.parentSpanId]).toEqual([traceId, 'b7ad6b7169203331'])
    expect([inner?.traceId, inner?.parentSpanId]).toEqual([traceId, outer?.spanId])
    expect(sent.traceparent).toBe(`00-${traceId}-${inner?.spanId}-01`)
    expect(outer?.attributes).toMatchObject({ 'http.route': '/trace', 'http.response.status_code': 200 })
  })

  it('cross the bus: from an event into the handler, as text or bytes', async () => {
    const spans = await collect()
    for (const headers of [{ traceparent }, { traceparent: Buffer.from(traceparent) }]) {
      await withTraceOf(headers, () => withSpan('policy.evaluate-intent', {}, () => undefined))
    }
    expect(spans.map((span) => span.traceId)).toEqual([traceId, traceId])
  })

  it.each([
    'bad',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`,
    `${traceparent}\r\nx: 1`,
    '',
  ])('are not taken from a malformed header: %j', async (text) => {
    const spans = await collect()
    await withTraceOf({ traceparent: text }, () => withSpan('policy.evaluate-intent', {}, () => undefined))
    expect(spans[0]?.parentSpanId).toBeUndefined()
    expect(isSampled(extractTrace({ traceparent: text }))).toBe(false)
  })

  it('keep the decision of who began them, and drop those that begin here beyond the ratio', async () => {
    const spans = await collect(0)
    await withSpan('policy.evaluate-intent', {}, () => undefined)
    await withTraceOf({ traceparent }, () => withSpan('policy.evaluate-intent', {}, () => undefined))
    await withTraceOf({ traceparent: traceparent.replace(/1$/, '0') }, () => withSpan('x', {}, () => undefined))
    expect(spans.map((span) => span.traceId)).toEqual([traceId])
  })

  it('have one span per batch and one for each record that its sender sampled', async () => {
    const spans = await collect()
    const headers = [{ traceparent }, {}, { traceparent: traceparent.replace(/1$/, '0') }, {}]
    await withBatchSpan('lineage.project-lineage', { headers }, () => undefined)
    const [record, batch] = spans
    expect(spans).toHaveLength(2)
    expect(batch?.attributes).toEqual({ 'messaging.batch.message_count': 4 })
    expect(record).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331', links: [batch?.spanId] })
  })

  it('mark a failed span by the name of the error alone', async () => {
    const spans = await collect()
    const failing = withSpan('policy.evaluate-intent', {}, () => {
      throw new TypeError('hunter2 is not a function')
    })
    await expect(failing).rejects.toThrow(TypeError)
    expect(spans[0]).toMatchObject({ status: 'error', attributes: { 'error.type': 'TypeError' } })
    expect(JSON.stringify(spans)).not.toContain('hunter2')
  })

  it('can be JSON lines in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'telemetry-'))
    const path = join(folder, 'traces.jsonl')
    telemetry = await startTelemetry({ service: 'intake', traces: { kind: 'file', path } })
    await withSpan('a', {}, () => withSpan('b', {}, () => undefined))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    const spans = lines.map((line) => JSON.parse(line) as SpanLine)
    rmSync(folder, { recursive: true })
    expect(spans.map((span) => [span.name, span.service])).toEqual([
      ['b', 'intake'],
      ['a', 'intake'],
    ])
    expect(spans[0]?.parentSpanId).toBe(spans[1]?.spanId)
  })

  it('put their ids on log lines', async () => {
    await collect()
    const lines: string[] = []
    const log = createLog({ service: 'intake', destination: { write: (line) => lines.push(line) } })
    await withTraceOf({ traceparent }, () => withSpan('a', {}, () => log.info({}, 'inside')))
    log.info({}, 'outside')
    expect(lines.map((line) => (JSON.parse(line) as { traceId?: string }).traceId)).toEqual([traceId, undefined])
  })
})

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('metrics', () => {
  it('are scraped by Prometheus, also from instruments made before they were switched on', async () => {
    const intents = counter('countersign.intents', { description: 'Intents', unit: '{intent}' })
    const evaluation = histogram('countersign.evaluation', { description: 'Time', unit: 's', boundaries: [0.1, 1] })
    const lag = observableGauge('countersign.consumer.lag', {
      description: 'Records behind',
      observe: () => [{ value: 7, attributes: { topic: 'events' } }],
    })
    intents.add(1, { outcome: 'lost, metrics are off' })
    const port = await freePort()
    telemetry = await startTelemetry({
      service: 'policy',
      traces: { kind: 'off' },
      prometheus: { host: '127.0.0.1', port },
    })
    intents.add(2, { outcome: 'allowed' })
    evaluation.record(0.05)
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    lag.remove()
    expect(text).toMatch(/countersign_intents_total\{outcome="allowed".*\} 2/)
    expect(text).not.toContain('lost')
    expect(text).toMatch(/countersign_evaluation_bucket\{.*le="0.1".*\} 1/)
    expect(text).toMatch(/countersign_consumer_lag\{topic="events".*\} 7/)
  })
})
