import type { Refusal } from '@countersign/contracts'
import { Refused } from '@countersign/service-kit'
import type { Published, PublishIntent } from './publish-intent.handler.ts'
import type { PublishRequest } from './published-event.ts'

type Waiting = {
  readonly request: PublishRequest
  readonly bytes: number
  readonly settle: (answer: Published | Refusal | Error) => void
}

/** How much may wait: beyond either bound requests are turned away, so that a slow database costs neither memory nor order. */
export type QueueBounds = { readonly requests: number; readonly bytes: number }

const defaultBounds: QueueBounds = { requests: 2_000, bytes: 64 * 1024 * 1024 }

const largestBatch = 100
/** Transactions at a time: while these are under way, requests gather for the next one. */
const concurrent = 2

/**
 * Gathers requests that arrive while others are being stored into one transaction. Nobody waits for a timer: a request that
 * finds nothing under way is stored at once.
 */
export class PublishBatch {
  readonly #publish: PublishIntent
  readonly #bounds: QueueBounds
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #underWay = 0

  constructor(publish: PublishIntent, bounds: QueueBounds = defaultBounds) {
    this.#publish = publish
    this.#bounds = bounds
  }

  /** Requests that wait; a measure of load. */
  get depth(): number {
    return this.#waiting.length
  }

  /**
   * One request's answer; `bytes` is the size of its body. Throws when it could not be stored: then nobody knows, and the
   * same key asks again. Throws `overloaded` when too much is waiting already: then nothing was stored.
   */
  async publish(request: PublishRequest, bytes: number): Promise<Published | Refusal> {
    if (this.#waiting.length >= this.#bounds.requests || this.#waitingBytes + bytes > this.#bounds.bytes) {
      throw new Refused({ code: 'overloaded', headers: { 'retry-after': '1' } })
    }
    const answer = await new Promise<Published | Refusal | Error>((settle) => {
      this.#waiting.push({ request, bytes, settle })
      this.#waitingBytes += bytes
      this.#next()
    })
    if (answer instanceof Error) throw answer
    return answer
  }

  #next(): void {
    if (this.#underWay >= concurrent || this.#waiting.length === 0) return
    const batch = this.#waiting.splice(0, largestBatch)
    this.#waitingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#underWay += 1
    void this.#publish
      .handle(batch.map(({ request }) => request))
      .catch((error: unknown): Error => (error instanceof Error ? error : new Error('not stored')))
      .then((answers) => {
        batch.forEach(({ settle }, index) =>
          settle(answers instanceof Error ? answers : (answers[index] ?? new Error('not answered'))),
        )
        this.#underWay -= 1
        this.#next()
      })
  }
}
