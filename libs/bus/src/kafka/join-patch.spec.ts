import { createRequire } from 'node:module'
import type { ISocketFactory } from 'kafkajs'
import { expect, it } from 'vitest'
import { leaveJoined, noteJoins, whenJoining } from './join-patch.ts'

const load = createRequire(import.meta.url)
const apiKeys = load('kafkajs/src/protocol/requests/apiKeys.js') as Record<string, number>
const namesOf = new Map(Object.entries(apiKeys).map(([name, key]) => [key, name]))

type Request = { readonly request: { readonly apiKey: number; encode(): Promise<{ readonly buffer: Buffer }> } }

/** A broker of kafkajs over connections that note what they send; `answer` is that of the first one. */
const brokerWith = (answer: (request: Request) => Promise<unknown>) => {
  const Broker = load('kafkajs/src/broker/index.js')
  const { lookup } = load('kafkajs/src/protocol/requests/index.js')
  const sent: string[] = []
  const noting = (place: string) => async (protocol: Request) => {
    const { buffer } = await protocol.request.encode()
    const member = /member-\d/.exec(buffer.toString('latin1'))?.[0] ?? 'nobody'
    sent.push(`${namesOf.get(protocol.request.apiKey)} of ${member} ${place}`)
    return place === 'first' ? answer(protocol) : undefined
  }
  const socketFactory = (() => undefined) as unknown as ISocketFactory
  const logger = { namespace: () => logger }
  const connectionPool = {
    socketFactory,
    send: noting('first'),
    getConnection: async (index: number) => ({ send: noting(index === 1 ? 'past it' : 'first') }),
    destroy: async () => void sent.push('disconnected'),
  }
  const broker = new Broker({ connectionPool, logger })
  broker.lookupRequest = lookup(
    Object.fromEntries(Object.values(apiKeys).map((key) => [key, { minVersion: 0, maxVersion: 3 }])),
  )
  return { broker, sent, socketFactory }
}
const call = { groupId: 'g', sessionTimeout: 1, rebalanceTimeout: 1, memberId: '', groupProtocols: [] }
const required = () =>
  Promise.reject(Object.assign(new Error('id'), { name: 'KafkaJSMemberIdRequired', memberId: 'member-7' }))

it('finds the class of kafkajs as it expects it, and leaves as whom it joins, past the connection that waits', async () => {
  expect(noteJoins()).toBe(true)
  expect(noteJoins()).toBe(true)
  let asked = 0
  const { broker, sent, socketFactory } = brokerWith(() => {
    asked += 1
    return asked === 1 ? required() : new Promise(() => undefined)
  })
  void broker.joinGroup(call)
  while (sent.length < 2) await new Promise(setImmediate)
  await leaveJoined(socketFactory)
  expect(sent).toEqual(['JoinGroup of nobody first', 'JoinGroup of member-7 first', 'LeaveGroup of member-7 past it'])
})

it('tells of a join once it is known as whom, before the group answers', async () => {
  noteJoins()
  const { broker, sent, socketFactory } = brokerWith(() =>
    sent.length === 1 ? required() : new Promise(() => undefined),
  )
  const told: string[] = []
  whenJoining(socketFactory, () => told.push(`behind ${sent.at(-1)}`))
  void broker.joinGroup(call)
  while (sent.length < 2) await new Promise(setImmediate)
  expect(told).toEqual(['behind JoinGroup of nobody first'])
})

it('takes the answer of a group that lets anybody in at once', async () => {
  noteJoins()
  const { broker, sent } = brokerWith(async () => ({ memberId: 'member-8' }))
  expect(await broker.joinGroup(call)).toEqual({ memberId: 'member-8' })
  expect(sent).toEqual(['JoinGroup of nobody first'])
})

it('lets go of a connection that was closed, as kafkajs does', async () => {
  noteJoins()
  const closed = Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' })
  const { broker, sent } = brokerWith(() => Promise.reject(closed))
  await expect(broker.joinGroup(call)).rejects.toBe(closed)
  expect(sent).toEqual(['JoinGroup of nobody first', 'disconnected'])
})

it('leaves nothing where nobody has joined, and joins nothing afterwards', async () => {
  noteJoins()
  const { broker, sent, socketFactory } = brokerWith(required)
  await leaveJoined(socketFactory)
  await expect(broker.joinGroup(call)).rejects.toThrow('the consumer has left')
  expect(sent).toEqual([])
})

it('does not come back as another member when it leaves between two joins, or before the group has named it', async () => {
  noteJoins()
  const again = { ...call, memberId: 'member-7' }
  const member = brokerWith(async () => ({ memberId: 'member-7' }))
  await member.broker.joinGroup(again)
  await leaveJoined(member.socketFactory)
  await expect(member.broker.joinGroup(again)).rejects.toThrow('the consumer has left')
  expect(member.sent).toEqual(['JoinGroup of member-7 first', 'LeaveGroup of member-7 past it'])
  const unnamed = brokerWith(async () => {
    await leaveJoined(unnamed.socketFactory)
    return required()
  })
  await expect(unnamed.broker.joinGroup(call)).rejects.toThrow('the consumer has left')
  expect(unnamed.sent).toEqual(['JoinGroup of nobody first'])
})
