import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { BrokerRefusals } from '@countersign/contracts'
import { identifierProblem } from '@countersign/redaction'

/** Attempts of one principal, from one address, at one thing, with the time of each. */
export type BrokerRefusal = Omit<BrokerRefusals['refusals'][number], 'firstAt' | 'lastAt' | 'count'> & {
  readonly times: readonly number[]
}

export type ReadBrokerLog = {
  readonly refusals: readonly BrokerRefusal[]
  /** Lines that tell of a refusal and could not be read. */
  readonly quarantined: readonly { readonly reason: string; readonly place: string }[]
}

/**
 * What Kafka's StandardAuthorizer writes of a refused attempt, at level info of `kafka.authorizer.logger`:
 * `Principal = User:etl is Denied operation = WRITE from host = … on resource = Topic:LITERAL:… for request = Produce …`.
 * The name of the resource is what the client sent; with a line end in it the rest is on other lines.
 */
const denied =
  /^Principal = [A-Za-z]+:(\S+) is Denied operation = ([A-Z_]+) from host = (\S+) on resource = ([A-Za-z]+):[A-Z]+:(.*?)( for request = |$)/

/** Begins a line of the broker that `npm run kafka` starts: time, mark, thread, level and logger. */
const begin =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)) ([0-9a-f]{32}) \[[^\]]*\] INFO kafka\.authorizer\.logger - /

const visible = /^[!-~]{1,255}$/
/** Stands for a name that is no plain one. */
const unclear = '(unclear)'

/**
 * Reads the refused attempts out of a broker's log. A line without the mark that lies beside the log was not
 * written by the broker, and one from the future would hush what is refused until then: neither is taken.
 */
export const readBrokerLog = async (files: readonly string[], now: number): Promise<ReadBrokerLog> => {
  const kinds = new Map<string, { readonly kind: Omit<BrokerRefusal, 'times'>; readonly times: number[] }>()
  const quarantined: { reason: string; place: string }[] = []
  for (const file of files) {
    const mark = (await readFile(`${file}.mark`, 'utf8')).trim()
    let line = 0
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1
      if (!text.includes(' is Denied operation = ')) continue
      const read = refusalIn(text, { mark, now })
      if (typeof read === 'string') {
        quarantined.push({ reason: read, place: `${file}:${line}` })
        continue
      }
      const { at, ...kind } = read
      const key = JSON.stringify(kind)
      const known = kinds.get(key) ?? { kind, times: [] }
      known.times.push(at)
      kinds.set(key, known)
    }
  }
  const refusals = [...kinds.values()].map(({ kind, times }) => ({ ...kind, times: times.toSorted((a, b) => a - b) }))
  return { refusals: refusals.toSorted((one, other) => (one.times[0] ?? 0) - (other.times[0] ?? 0)), quarantined }
}

/** The attempt that a line tells of, or why it cannot be taken. */
export const refusalIn = (
  text: string,
  { mark, now }: { readonly mark: string; readonly now: number },
): (Omit<BrokerRefusal, 'times'> & { readonly at: number }) | string => {
  const [prefix, time = '', word] = begin.exec(text) ?? []
  // Whoever is refused can write whole lines by what they name; the mark they cannot know.
  if (prefix === undefined || word !== mark) return 'not_by_the_broker'
  const [, principal, operation, host, resourceType, name = '', rest] = denied.exec(text.slice(prefix.length)) ?? []
  if (principal === undefined || operation === undefined || host === undefined || resourceType === undefined) {
    return 'not_an_authorizer_line'
  }
  const at = Date.parse(time)
  if (at > now) return 'time_in_the_future'
  if (principal.length > 128 || host.length > 64 || !isPlain(principal)) return 'principal_unclear'
  const resource = rest !== '' && isPlain(name) ? name : unclear
  return { at, principal, operation, host, resourceType, resource }
}

const isPlain = (name: string): boolean => visible.test(name) && identifierProblem(name) === undefined
