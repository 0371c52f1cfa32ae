import type { Consumer } from 'kafkajs'
import type { SeverableClient } from './client.ts'
import { atMost } from './environment.ts'

/** Where a consumer stands in its group: about to join, or a member. */
export class Membership {
  readonly #consumer: Consumer
  readonly #client: SeverableClient
  #isJoining = true
  #onJoining: () => void = () => undefined

  constructor(consumer: Consumer, client: SeverableClient) {
    this.#consumer = consumer
    this.#client = client
    const { events } = consumer
    consumer.on(events.GROUP_JOIN, () => this.#is(false))
    for (const event of [events.REBALANCING, events.CRASH]) consumer.on(event, () => this.#is(true))
    // A member whom the group has forgotten joins anew without an event.
    client.onJoin(() => this.#is(true))
  }

  /**
   * Leaves the group and gives the connections back, each within the time. kafkajs leaves no group whose answer it waits for, and
   * that may take a session of somebody who was killed: then the group is told past it, and it must not hear the answer,
   * or it would join again.
   */
  async leave(withinMs: number): Promise<void> {
    let going: Promise<unknown> | undefined
    if (!this.#isJoining) {
      const joinsAgain = new Promise<void>((resolve) => (this.#onJoining = resolve))
      going = atMost(withinMs, this.#consumer.disconnect())
      // A member that hears of a rebalance while it goes joins once more, and kafkajs waits for the answer.
      await Promise.race([going, joinsAgain])
    }
    if (this.#isJoining) {
      await atMost(withinMs, this.#client.leaveJoined())
      this.#client.sever()
    }
    await (going ?? atMost(withinMs, this.#consumer.disconnect()))
    this.#client.sever()
  }

  #is(isJoining: boolean): void {
    this.#isJoining = isJoining
    if (isJoining) this.#onJoining()
  }
}
