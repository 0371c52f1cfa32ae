import { type IntentRecord, intentRecords } from './record-of-intent.ts'

export type SenderOptions = { readonly brokers: readonly string[]; readonly topic: string; readonly callers: number }
export type SenderRound = { readonly seconds: number }

/** Records made beforehand, one after another for ever: making them is no part of sending. */
export const madeRecords = async (topic: string): Promise<() => IntentRecord> => {
  const make = await intentRecords(topic)
  const records = Array.from({ length: 1_000 }, make)
  let at = 0
  return () => {
    at += 1
    return records[at % records.length] as IntentRecord
  }
}
