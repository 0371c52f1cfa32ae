import { allEnded, attemptsStream, type Transaction } from '@countersign/event-store'
import type { AttemptEvent } from '@countersign/contracts'
import { seatCount } from '@countersign/intent'
import type { Consumer, Log } from '@countersign/service-kit'
import { type Card, DeliveryFailed, type ReviewChannel, type ReviewProgress } from '../channels/channel.ts'
import {
  abandonCard,
  cardChanged,
  type DueCard,
  postponeCards,
  postponePlace,
  refreshMs,
  takeDueCards,
} from './card-queue.ts'
import { keepReviews } from './keep-reviews.ts'
import { type OpenedReview, openReview, type ReviewSource } from './open-review.ts'
import { presentationDigest, presentationOf } from './presentation.ts'
import { recordPresentation } from './record-presentation.ts'

const takenAtOnce = 10
/** How long a lost wake-up may delay a card. */
const idleMs = 1_000

/** 1 s, doubled by each failure, at most 5 min. */
const backoffMs = (attempt: number): number => Math.min(300_000, 1_000 * 2 ** Math.min(attempt - 1, 10))

export type DeliverCardsOptions = ReviewSource & { readonly channels: readonly ReviewChannel[]; readonly log: Log }

/**
 * Sends what the queue of cards holds. The presentation is recorded before the card goes out, its delivery or failure after
 * that; no transaction is open while a platform is asked. The queue is a table, so a restart loses nothing.
 */
export class DeliverCards implements Consumer {
  readonly name = 'deliver-cards'
  readonly #options: DeliverCardsOptions
  #running: Promise<void> | undefined
  readonly #turns = new Map<string, Promise<void>>()
  #isStopping = false
  #isWoken = false
  #interrupt: () => void = () => undefined
  #trouble: string | undefined

  constructor(options: DeliverCardsOptions) {
    this.#options = options
  }

  /** Code of the last failure; undefined since a card went out. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** There may be cards to send. Cheap. */
  wake(): void {
    this.#isWoken = true
    this.#interrupt()
  }

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#interrupt()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      // A wake-up may be for a card that is due in a moment.
      const pauseMs = this.#isWoken ? refreshMs : idleMs
      this.#isWoken = false
      try {
        const cards = await takeDueCards(this.#options.pool, takenAtOnce)
        await allEnded(cards.map((card) => this.#deliver(card)))
        if (cards.length > 0) continue
      } catch (error) {
        this.#options.log.warn({ err: error }, 'cards could not be sent')
        this.#isWoken = false
      }
      if (!this.#isWoken && !this.#isStopping) await this.#pause(pauseMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** A card that fails for whatever reason is tried again later and does not hold up the others. */
  async #deliver(due: DueCard): Promise<void> {
    try {
      await this.#send(due)
      this.#trouble = undefined
    } catch (error) {
      const failure = error instanceof DeliveryFailed ? error : new DeliveryFailed('internal_error', { cause: error })
      this.#trouble = failure.code
      const { reviewId, channel, attempt } = due
      this.#options.log.warn({ reviewId, channel, attempt, code: failure.code, err: error }, 'a card was not delivered')
      await this.#failed(due, failure)
    }
  }

  async #send(due: DueCard): Promise<void> {
    const { channels, pool } = this.#options
    const channel = channels.find(({ name }) => name === due.channel)
    const opened = await openReview(this.#options, due.tenantId, due.intentId)
    if (channel === undefined || opened === undefined) return abandonCard(pool, due)
    const card = cardOf(opened, channel)
    const { presentationDigest: digest } = card
    const { reviewId, channel: name, place } = due
    const shown = { reviewId, channel: name, place, version: opened.version, presentationDigest: digest }
    // Nobody needs a card for what is over before it was shown.
    if (due.messageId === null && !card.progress.isOpen) return cardChanged(pool, { ...shown, messageId: null })
    await recordPresentation(this.#options.store, opened, { card, reader: null })
    const { messageId: known } = due
    if (known !== null) {
      await this.#inTurn(place, () => channel.update(place, known, card))
      return cardChanged(pool, { ...shown, messageId: known })
    }
    const messageId = await this.#inTurn(place, () => channel.post(place, card))
    await this.#append(due, {
      event: {
        type: 'ReviewDelivered',
        data: {
          intentId: due.intentId,
          reviewId: due.reviewId,
          channel: channel.name,
          presentationDigest: digest,
        },
      },
      effects: (tx) => keepReviews(tx, [{ shown: { ...shown, messageId } }]),
    })
  }

  /** A platform is asked for one place after the other's answer: it limits places, and tells so by refusing. */
  #inTurn<Answer>(place: string, ask: () => Promise<Answer>): Promise<Answer> {
    const turn = (this.#turns.get(place) ?? Promise.resolve()).then(ask)
    const ended = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#turns.set(place, ended)
    void ended.then(() => this.#turns.get(place) === ended && this.#turns.delete(place))
    return turn
  }

  async #failed(due: DueCard, failure: DeliveryFailed): Promise<void> {
    const { pool } = this.#options
    if (failure.isGone) return abandonCard(pool, due)
    const waitMs = failure.retryAfterMs ?? backoffMs(due.attempt)
    const postponed = { reviewId: due.reviewId, channel: due.channel, place: due.place, waitMs }
    if (failure.retryAfterMs !== undefined) await postponePlace(pool, postponed)
    const channel = this.#options.channels.find(({ name }) => name === due.channel)
    if (due.messageId !== null || channel === undefined) return void (await postponeCards(pool, [postponed]))
    await this.#append(due, {
      event: {
        type: 'ReviewDeliveryFailed',
        data: {
          intentId: due.intentId,
          reviewId: due.reviewId,
          channel: channel.name,
          code: failure.code,
          attempt: due.attempt,
        },
      },
      effects: (tx) => keepReviews(tx, [{ postponed }]),
    })
  }

  async #append(
    { tenantId, intentId }: DueCard,
    { event, effects }: { event: AttemptEvent; effects: (tx: Transaction) => Promise<void> },
  ): Promise<void> {
    const stream = attemptsStream(tenantId, intentId)
    await this.#options.store.execute(
      { streams: [stream] },
      { decide: () => ({ append: [{ stream, events: [event] }], answer: undefined }), effects },
    )
  }
}

/** What a channel shows for a review now. */
export const cardOf = (opened: OpenedReview, channel: Pick<ReviewChannel, 'name' | 'logs' | 'fits'>): Card => {
  const { intent, review, requested, content, nameOf, deniedBefore, seatsOnOneWord } = opened
  const rendered = presentationOf({
    channel: channel.name,
    intent,
    review,
    rules: requested.data.rules,
    content,
    nameOf,
    deniedBefore,
    seatsOnOneWord,
    logs: channel.logs,
  })
  const presentation = { ...rendered, complete: rendered.complete && channel.fits(rendered) }
  return { presentation, presentationDigest: presentationDigest(presentation), progress: progressOf(opened) }
}

const progressOf = ({ intent, review, events, nameOf, now }: OpenedReview): ReviewProgress => {
  const isExpired = intent.status === 'in_review' && Date.parse(now) >= Date.parse(review.deadline)
  const verdicts = events.flatMap((event) => (event.type === 'VerdictRecorded' ? [event.data] : []))
  return {
    state: isExpired ? 'expired' : intent.status,
    isOpen: intent.status === 'in_review' && !isExpired,
    verdicts: verdicts.map(({ person, verdict, channel }) => ({
      name: nameOf(person) ?? 'unknown person',
      verdict,
      channel,
    })),
    seatsWanted: seatCount(review.seats),
    approvals: verdicts.filter(({ verdict }) => verdict === 'approve').length,
  }
}
