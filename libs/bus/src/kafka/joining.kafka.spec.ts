import { specBrokers } from '@countersign/kafka/spec-brokers'
import Broker from 'kafkajs/src/broker/index.js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newGroup, record, recordsOf } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench } from '../kafka-bench.fixture.ts'

/** Longer than any test: a member that was killed is missed by its group, which waits for it as long as the tests last. */
const timing = { sessionMs: 300_000, rebalanceMs: 300_000, leaveMs: 60_000 }

let bench: KafkaBench
beforeAll(async () => {
  bench = await makeKafkaBench(specBrokers())
})
afterEach(() => bench.closeOpened())
afterAll(() => bench.close())

const open = () => bench.open({ timing })
const members = async (group: string): Promise<readonly string[]> => {
  const { groups } = await bench.admin.describeGroups([group])
  return (groups[0]?.members ?? []).map(({ memberId }) => memberId)
}
const untilMembers = async (group: string, count: number): Promise<readonly string[]> => {
  for (;;) {
    const now = await members(group)
    if (now.length === count) return now
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
type HeartbeatCall = { readonly groupId: string; readonly memberId: string }
type Beating = {
  heartbeat: (call: HeartbeatCall) => Promise<unknown>
  leaveGroup: (call: HeartbeatCall) => Promise<unknown>
}
/** Has the group forget a member right before its next heartbeat, as after a session that was over, and runs `meanwhile`. */
const forgetMember = (own: string, meanwhile: () => Promise<unknown>): void => {
  const beating = Broker.prototype as unknown as Beating
  const { heartbeat } = beating
  beating.heartbeat = async function (this: Beating, call: HeartbeatCall): Promise<unknown> {
    if (call.memberId !== own) return heartbeat.call(this, call)
    beating.heartbeat = heartbeat
    await this.leaveGroup(call)
    await meanwhile()
    return heartbeat.call(this, call)
  }
}
/** A group whose only member was killed. */
const missingOne = async () => {
  const [topic, group] = [await bench.makeTopic(2), newGroup()]
  const killed = await open()
  await record(killed.bus, topic, { group })
  const ghosts = await untilMembers(group, 1)
  killed.kill()
  return { topic, group, ghosts }
}

describe('a Kafka consumer that is stopped while it joins its group', () => {
  it('gives up though the group lets it wait, and leaves it, so that the next one does not wait for it', async () => {
    const { topic, group, ghosts } = await missingOne()
    const { bus } = await open()
    const stopping = new AbortController()
    const joining = record(bus, topic, { group, signal: stopping.signal })
    await untilMembers(group, 2)
    stopping.abort()
    await expect(joining).rejects.toThrow('the subscription has stopped')
    expect(await members(group)).toEqual(ghosts)
  })

  it('does the same when its bus is closed', async () => {
    const { topic, group, ghosts } = await missingOne()
    const { bus } = await open()
    const joining = record(bus, topic, { group })
    const refused = expect(joining).rejects.toThrow('the subscription has stopped')
    await untilMembers(group, 2)
    await bus.close()
    await refused
    expect(await members(group)).toEqual(ghosts)
  })

  it('leaves it, too, where it was a member and joins again because another came', async () => {
    const [topic, group] = [await bench.makeTopic(2), newGroup()]
    const joinsAgain = Promise.withResolvers<void>()
    const log = (line: string): void => (line.includes('re-joining') ? joinsAgain.resolve() : undefined)
    const { bus } = await bench.open({ timing, log })
    const { subscription } = await record(bus, topic, { group })
    const [own] = await untilMembers(group, 1)
    const killed = await open()
    await record(killed.bus, topic, { group })
    killed.kill()
    const third = await open()
    const joining = record(third.bus, topic, { group })
    const refused = expect(joining).rejects.toThrow('the subscription has stopped')
    const others = (await untilMembers(group, 3)).filter((id) => id !== own)
    await joinsAgain.promise
    await subscription.stop()
    expect((await members(group)).toSorted()).toEqual(others.toSorted())
    await third.bus.close()
    await refused
  })

  it('leaves it, too, where the group had forgotten it and it joins anew', async () => {
    const [topic, group] = [await bench.makeTopic(2), newGroup()]
    const { bus } = await open()
    const { subscription } = await record(bus, topic, { group })
    const [own = ''] = await untilMembers(group, 1)
    const killed = Promise.withResolvers<readonly string[]>()
    forgetMember(own, async () => {
      const other = await open()
      await record(other.bus, topic, { group })
      killed.resolve(await untilMembers(group, 1))
      other.kill()
    })
    const ghosts = await killed.promise
    await untilMembers(group, 2)
    await subscription.stop()
    expect(await members(group)).toEqual(ghosts)
  })

  it('gives up though no broker answers', async () => {
    const { bus } = await bench.open({ timing, brokers: ['127.0.0.1:1'] })
    const stopping = new AbortController()
    const joining = record(bus, 'any', { signal: stopping.signal })
    stopping.abort()
    await expect(joining).rejects.toThrow('the subscription has stopped')
  })

  it('stays subscribed when the signal comes once the subscription is there', async () => {
    const topic = await bench.makeTopic(1)
    const { bus } = await bench.open()
    const stopping = new AbortController()
    const got = await record(bus, topic, { signal: stopping.signal })
    stopping.abort()
    await bus.publish(recordsOf(topic, 'k', ['one']))
    await got.count(1)
  })
})
