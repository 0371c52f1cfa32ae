import { type Attributes, type Counter, type Histogram, metrics, type Meter } from '@opentelemetry/api'

/** How an instrument is described to whoever reads the metrics. `unit` in UCUM (`s`, `By`, `{intent}`). */
export type MetricOptions = { readonly description: string; readonly unit?: string }

export type Gauge = {
  /** Stops the observation. */
  remove(): void
}

type Reading = { readonly value: number; readonly attributes?: Attributes }

type GaugeDefinition = MetricOptions & {
  readonly name: string
  readonly observe: () => readonly Reading[] | Promise<readonly Reading[]>
}

const gauges = new Map<GaugeDefinition, () => void>()
let meter: Meter | undefined

const described = ({ description, unit }: MetricOptions) => ({ description, ...(unit === undefined ? {} : { unit }) })

const attach = (definition: GaugeDefinition, to: Meter): (() => void) => {
  const instrument = to.createObservableGauge(definition.name, described(definition))
  const observe = async (result: { observe(value: number, attributes?: Attributes): void }): Promise<void> => {
    for (const { value, attributes } of await definition.observe()) result.observe(value, attributes)
  }
  instrument.addCallback(observe)
  return () => instrument.removeCallback(observe)
}

/**
 * Connects the instruments to the meter provider that was just registered. OpenTelemetry hands out dead instruments before
 * that, so ours are made on first use after it.
 */
export const connectMetrics = (): void => {
  meter = metrics.getMeter('countersign')
  for (const definition of gauges.keys()) gauges.set(definition, attach(definition, meter))
}

export const disconnectMetrics = (): void => {
  meter = undefined
}

/** Makes an instrument once per registered provider; undefined while metrics are off. */
const onceConnected = <T>(make: (from: Meter) => T): (() => T | undefined) => {
  let madeFrom: Meter | undefined
  let made: T | undefined
  return () => {
    if (meter !== madeFrom) {
      madeFrom = meter
      made = meter === undefined ? undefined : make(meter)
    }
    return made
  }
}

/** A sum that only grows. Costs nothing while metrics are off. */
export const counter = (name: string, options: MetricOptions): { add(by: number, attributes?: Attributes): void } => {
  const instrument = onceConnected<Counter>((from) => from.createCounter(name, described(options)))
  return { add: (by, attributes) => instrument()?.add(by, attributes) }
}

/** A distribution of measured values, in `unit`. */
export const histogram = (
  name: string,
  options: MetricOptions & { readonly boundaries?: readonly number[] },
): { record(value: number, attributes?: Attributes): void } => {
  const advice = options.boundaries ? { advice: { explicitBucketBoundaries: [...options.boundaries] } } : {}
  const instrument = onceConnected<Histogram>((from) =>
    from.createHistogram(name, { ...described(options), ...advice }),
  )
  return { record: (value, attributes) => instrument()?.record(value, attributes) }
}

/** A value that is asked for at each collection (consumer lag, age of the gate). */
export const observableGauge = (
  name: string,
  options: MetricOptions & { readonly observe: GaugeDefinition['observe'] },
): Gauge => {
  const definition: GaugeDefinition = { name, ...options }
  gauges.set(definition, meter === undefined ? () => {} : attach(definition, meter))
  return {
    remove: () => {
      gauges.get(definition)?.()
      gauges.delete(definition)
    },
  }
}
