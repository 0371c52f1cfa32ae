import type { Refusal } from '@countersign/contracts'
import type { Published, PublishIntent } from './publish-intent.handler.ts'
import type { PublishRequest } from './published-event.ts'

type Waiting = { readonly request: PublishRequest; readonly settle: (answer: Published | Refusal | Error) => void }

const largestBatch = 100
/** Transactions at a time: while these are under way, requests gather for the next one. */
const concurrent = 2

/**
 * Gathers requests that arrive while others are being stored into one transaction. Nobody waits for a timer: a request that
 * finds nothing under way is stored at once.
 */
export class PublishBatch {
  readonly #publish: PublishIntent
  #waiting: Waiting[] = []
  #underWay = 0

  constructor(publish: PublishIntent) {
    this.#publish = publish
  }

  /** Requests that wait; a measure of load. */
  get depth(): number {
    return this.#waiting.length
  }

  /** One request's answer. Throws when it could not be stored: then nobody knows, and the same key asks again. */
  async publish(request: PublishRequest): Promise<Published | Refusal> {
    const answer = await new Promise<Published | Refusal | Error>((settle) => {
      this.#waiting.push({ request, settle })
      this.#next()
    })
    if (answer instanceof Error) throw answer
    return answer
  }

  #next(): void {
    if (this.#underWay >= concurrent || this.#waiting.length === 0) return
    const batch = this.#waiting.splice(0, largestBatch)
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
