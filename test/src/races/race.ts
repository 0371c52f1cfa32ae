import { isRefusal } from '@countersign/contracts'
import type { Asking, OpenReview, RacedReviews } from './raced-reviews.ts'

/** What a client was told: `ok`, the code of a refusal, or what must never be: an error. */
export type Said = {
  readonly command: 'approve' | 'deny' | 'withdraw' | 'collect' | 'revoke'
  readonly answer: string
}

/** A review in a race, and what becomes of its grant while the race goes on. */
class Raced {
  /** The grant, as soon as anybody has collected it; undefined once nobody will. */
  readonly grantId: Promise<string | undefined>
  readonly review: OpenReview
  readonly #settle: (grantId: string | undefined) => void
  #collecting = collectors

  constructor(review: OpenReview) {
    this.review = review
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.grantId = promise
    this.#settle = resolve
  }

  collected(grantId: string | undefined): void {
    this.#collecting -= 1
    if (grantId !== undefined || this.#collecting === 0) this.#settle(grantId)
  }
}

type Client = (raced: Raced) => Promise<Said[]>

const collectors = 2
const collectTries = 3

/** An error is told like an answer, so that one race that goes wrong is seen beside all others. */
const asked = async <Told>(
  command: Said['command'],
  ask: () => Promise<Told>,
): Promise<{ readonly said: Said; readonly told: Told | undefined }> => {
  try {
    const told = await ask()
    return { said: { command, answer: isRefusal(told) ? told.code : 'ok' }, told }
  } catch (error) {
    return {
      said: { command, answer: `error: ${error instanceof Error ? error.message : 'unknown'}` },
      told: undefined,
    }
  }
}

/**
 * Seven clients that want to end or to use the same review: three people with a yes or a no, its agent with a withdrawal, two
 * executors who collect, one of whom revokes what it got, and an operator who revokes or withdraws. The eighth is policy's
 * timers, which run all the time. Who is `late` waits until somebody has tried to collect.
 */
const clientsOf = (at: RacedReviews, late: Late): readonly Client[] => {
  const approve =
    (who: 0 | 1): Client =>
    async ({ review }) => [(await asked('approve', () => at.decide(review, who, 'approve'))).said]
  const deny: Client = async ({ review, grantId }) => {
    if (late.includes('deny')) await grantId
    return [(await asked('deny', () => at.decide(review, 2, 'deny'))).said]
  }
  const withdraw = async (who: Asking, { review }: Raced): Promise<Said> =>
    (await asked('withdraw', () => at.withdraw(who, review.intentId))).said
  const revoke = async (who: Asking, grantId: string): Promise<Said> =>
    (await asked('revoke', () => at.revoke(who, grantId))).said
  const collect: Client = async (raced) => {
    const all: Said[] = []
    let grantId: string | undefined
    for (let tries = 0; tries < collectTries && (all.at(-1)?.answer ?? 'not_decided') === 'not_decided'; tries += 1) {
      const { said, told } = await asked('collect', () => at.collect(raced.review.intentId))
      all.push(said)
      if (told !== undefined && 'grantId' in told) ({ grantId } = told)
    }
    raced.collected(grantId)
    return all
  }
  return [
    approve(0),
    approve(1),
    deny,
    async (raced) => {
      if (late.includes('withdraw')) await raced.grantId
      return [await withdraw('agent', raced)]
    },
    collect,
    async (raced) => {
      const collected = await collect(raced)
      const grantId = await raced.grantId
      return grantId === undefined ? collected : [...collected, await revoke('agent', grantId)]
    },
    async (raced) => {
      const grantId = await raced.grantId
      return [await (grantId === undefined ? withdraw('operator', raced) : revoke('operator', grantId))]
    },
  ]
}

type Late = readonly ('deny' | 'withdraw')[]

export type RaceOptions = {
  readonly late: Late
  /** Order in which the clients set out. */
  readonly order: <Item>(items: readonly Item[]) => readonly Item[]
}

/** Lets the clients loose on a review at the same moment, and tells what all of them were told. */
export const race = async (at: RacedReviews, review: OpenReview, { late, order }: RaceOptions): Promise<Said[]> => {
  const raced = new Raced(review)
  return (await Promise.all(order(clientsOf(at, late)).map((client) => client(raced)))).flat()
}
