import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type BusUnderTest, type RelayWorld, relayWorld } from './relay-world.ts'

const testMs = 300_000

/** What holds for relays that are processes of their own, on whatever bus. */
export const relayFaults = (name: string, bus: () => BusUnderTest): void => {
  describe(`relays as processes, on ${name}`, { timeout: testMs }, () => {
    let world: RelayWorld
    beforeAll(async () => {
      world = await relayWorld(bus())
    })
    afterEach(() => world.stopRelays())
    afterAll(() => world.close())

    it('catch up with 5,000 events in order', async () => {
      await world.append(5_000)
      const relay = await world.startRelay()
      await world.everything()
      expect(await world.problems()).toEqual([])
      expect(world.seen).toHaveLength(5_000)
      await relay.stop()
    })

    it('lose and invert nothing when they are killed again and again in the middle of it', async () => {
      for (let kills = 0; kills < 3; kills += 1) {
        // New ones each time: where this process has to wait, a relay may have sent all there was before it is killed.
        await world.append(2_000)
        const before = world.seen.length
        const relay = await world.startRelay()
        await world.more(before)
        await relay.kill()
      }
      await world.startRelay()
      await world.everything()
      expect(await world.problems()).toEqual([])
    })

    it('lose and invert nothing when one freezes for longer than its lease and wakes behind another', async () => {
      const frozen = await world.startRelay()
      const before = world.seen.length
      await world.append(2_000)
      await world.more(before)
      frozen.freeze()
      await world.startRelay()
      await world.append(500)
      await world.everything()
      const { holder, position } = await world.cursor()
      frozen.thaw()
      await world.append(500)
      await world.everything()
      expect(await world.problems()).toEqual([])
      expect(await world.cursor()).toMatchObject({ holder })
      expect((await world.cursor()).position).toBeGreaterThan(position)
      expect(frozen.isRunning).toBe(true)
      // Its sessions may have ended while it slept; it makes new ones and stands by.
      await until(async () => (await frozen.trouble('publish_events')) === undefined || undefined, {
        what: 'the relay that woke',
      })
    })

    it('only duplicate while two of them publish at once', async () => {
      await Promise.all([world.startRelay(), world.startRelay()])
      const holders = new Set<string>()
      await until(
        async () => {
          await world.append(100)
          const { holder } = await world.cursor()
          if (holder !== null) holders.add(holder)
          await world.store.superuser.query(`update relay.lease set holder = null, held_until = '-infinity'`)
          return holders.size > 1
        },
        { what: 'a second holder', withinMs: 60_000 },
      )
      await world.everything()
      expect(await world.problems()).toEqual([])
    })
  })
}
