import type { Consumer } from 'kafkajs'
import { expect, it } from 'vitest'
import { Membership } from './membership.ts'

/** A consumer whose events are told by hand, and what is done to it and its client, in order. */
const member = (disconnect: () => Promise<void>) => {
  const listeners = new Map<string, () => void>()
  const done: string[] = []
  const consumer = {
    events: { GROUP_JOIN: 'joined', REBALANCING: 'rebalancing', CRASH: 'crashed' },
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    disconnect: () => {
      done.push('disconnect')
      return disconnect()
    },
  } as unknown as Consumer
  const client = {
    kafka: undefined as never,
    onJoin: (listener: () => void) => listeners.set('joins', listener),
    leaveJoined: async () => void done.push('leave past it'),
    sever: () => void done.push('sever'),
  }
  const membership = new Membership(consumer, client)
  return { membership, done, tell: (event: string) => listeners.get(event)?.() }
}
const never = () => new Promise<void>(() => undefined)
const forHours = 3_600_000

it('leaves as kafkajs does where it is a member', async () => {
  const { membership, done, tell } = member(async () => undefined)
  tell('joined')
  await membership.leave(forHours)
  expect(done).toEqual(['disconnect', 'sever'])
})

it('is told past the join where it joins', async () => {
  const { membership, done } = member(async () => undefined)
  await membership.leave(forHours)
  expect(done).toEqual(['leave past it', 'sever', 'disconnect', 'sever'])
})

it('is told past the join, too, where it joins once more while it leaves', async () => {
  const gone = Promise.withResolvers<void>()
  const { membership, done, tell } = member(() => gone.promise)
  tell('joined')
  const leaving = membership.leave(forHours)
  tell('rebalancing')
  while (!done.includes('sever')) await new Promise(setImmediate)
  expect(done).toEqual(['disconnect', 'leave past it', 'sever'])
  gone.resolve()
  await leaving
})

it('is told past the join where the group had forgotten it and it joins anew', async () => {
  const { membership, done, tell } = member(async () => undefined)
  tell('joined')
  tell('joins')
  await membership.leave(forHours)
  expect(done).toEqual(['leave past it', 'sever', 'disconnect', 'sever'])
})

it('goes when its time is over', async () => {
  const { membership, done, tell } = member(never)
  tell('joined')
  await membership.leave(1)
  expect(done).toEqual(['disconnect', 'sever'])
})
