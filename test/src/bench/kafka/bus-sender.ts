import { createKafkaBus, type ParkingLot } from '@countersign/bus'
import { callersFor, type OpenSide } from '../side/side.ts'
import { madeRecords, type SenderOptions, type SenderRound } from './sender-side.ts'

/** The product's way: each caller awaits `publish` with its record; what gathers meanwhile shares the next send. */
export const open: OpenSide<SenderOptions, SenderRound> = async ({ brokers, topic, callers }) => {
  const bus = createKafkaBus({
    brokers,
    clientId: 'bench',
    log: () => undefined,
    // Nothing is consumed, so nothing is parked.
    parking: {} as ParkingLot,
    onDead: () => undefined,
  })
  const next = await madeRecords(topic)
  return {
    round: ({ seconds }) => callersFor(callers, seconds * 1_000, () => bus.publish([next()])),
    close: () => bus.close(),
  }
}
