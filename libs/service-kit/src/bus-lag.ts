import type { Bus } from '@countersign/bus'
import { type Gauge, observableGauge } from './metrics.ts'

/** Metric of how far a consumer group is behind, per topic; asked for at each collection only. */
export const observeBusLag = (bus: Pick<Bus, 'lag'>, group: string): Gauge =>
  observableGauge('countersign.bus.lag', {
    description: 'Records published but neither settled nor parked',
    unit: '{record}',
    observe: async () => {
      const lag = await bus.lag(group)
      return lag.flatMap(({ topic, records, parked }) => [
        { value: records, attributes: { group, topic, state: 'waiting' } },
        { value: parked, attributes: { group, topic, state: 'parked' } },
      ])
    },
  })
