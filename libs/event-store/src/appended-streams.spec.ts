import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { notificationOf, readNotification } from './appended-streams.ts'
import { newId, type StreamRef } from './stream.ts'

const tenantId = newId()
const streams = (kind: StreamRef['kind'], count: number): StreamRef[] =>
  Array.from({ length: count }, () => ({ kind, streamId: newId(), tenantId }))

describe('a notification', () => {
  it('names each intent that moved, once', () => {
    // Of both versions, so that each place of an id has had each digit.
    const ids = Array.from({ length: 300 }, (_, place) => (place % 2 === 0 ? newId() : randomUUID()))
    const moved = ids.map((streamId): StreamRef => ({ kind: 'intent', streamId, tenantId }))
    const told = readNotification(notificationOf([...moved, ...moved]))
    expect(told?.intents.toSorted()).toEqual(ids.toSorted())
    expect(told?.hasRegisters).toBe(false)
  })

  it('tells that a register moved, and of attempts only that something did', () => {
    expect(readNotification(notificationOf(streams('register', 2)))).toEqual({ intents: [], hasRegisters: true })
    expect(readNotification(notificationOf(streams('attempts', 2)))).toEqual({ intents: [], hasRegisters: false })
  })

  it('fits in what PostgreSQL takes, and stands for anything when it would not', () => {
    expect(notificationOf(streams('intent', 340)).length).toBeLessThan(8_000)
    expect(readNotification(notificationOf(streams('intent', 340)))?.intents).toHaveLength(340)
    expect(readNotification(notificationOf(streams('intent', 341)))).toBeUndefined()
  })

  it.each(['', '*', 'something else', `${'a'.repeat(22)},?`])(
    'that says nothing we know (%j) stands for anything',
    (payload) => {
      expect(readNotification(payload)).toBeUndefined()
    },
  )
})
