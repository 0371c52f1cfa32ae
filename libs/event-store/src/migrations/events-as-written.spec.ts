import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storeBefore } from '../spec-store.ts'
import { newId } from '../stream.ts'
import { EventsAsWritten1795356000000 } from './events-as-written.ts'

const tenantId = newId()
const old = newId()

let before: Awaited<ReturnType<typeof storeBefore>>
beforeAll(async () => {
  before = await storeBefore(EventsAsWritten1795356000000)
  const { superuser } = before
  await superuser.query('insert into countersign.tenant (tenant_id, name) values ($1, $2)', [tenantId, 'default'])
  await superuser.query(`insert into countersign.event_owner values ('dev.countersign.Spec.v1', session_user)`)
  await superuser.query('select countersign.ensure_partitions()')
  await superuser.query('select countersign.open_incarnation()')
  await appended(old, '{"zz": 1, "b": {"y": [1, 2], "x": null}}')
  await before.migrate()
})
afterAll(() => before.drop())

const inTransaction = async <Answer>(work: (client: PoolClient) => Promise<Answer>): Promise<Answer> => {
  const client = await before.superuser.connect()
  try {
    await client.query(`begin isolation level read committed; set local countersign.tenant = '${tenantId}'`)
    const answer = await work(client)
    await client.query('commit')
    return answer
  } finally {
    client.release(true)
  }
}

const appended = (streamId: string, data: string, metadata = '{}') =>
  inTransaction((client) =>
    client.query(
      `select countersign.append(array['intent'], $1, $2, '{0}', '{1}', $3, '{dev.countersign.Spec.v1}', $4, $5)`,
      [[streamId], [tenantId], [newId()], [data], [metadata]],
    ),
  )

const rowOf = async (streamId: string) => {
  const { rows } = await before.superuser.query<{ data: unknown; text: string }>(
    'select data, data::text as text from countersign.event where stream_id = $1',
    [streamId],
  )
  return rows[0]
}

describe('an event', () => {
  it('of before says what it said', async () => {
    expect((await rowOf(old))?.data).toEqual({ b: { x: null, y: [1, 2] }, zz: 1 })
  })

  it.each(['{"a":1,"zz":2,"b":3}', '{ "b" : [1, 2] }', '{"a":"a line\\nand \\"another\\" 😀"}'])(
    'keeps the text that it was appended with: %s',
    async (text) => {
      const streamId = newId()
      await appended(streamId, text)
      expect((await rowOf(streamId))?.text).toBe(text)
    },
  )

  it.each([
    ['U+0000', '{"a":"\\u0000"}', '22P05'],
    ['half a surrogate pair', '{"a":"\\ud800"}', '22P02'],
    ['no JSON', '{"a":1,}', '22P02'],
  ])('with %s is refused, in its data and in its metadata', async (_, text, code) => {
    const streamId = newId()
    await expect(appended(streamId, text)).rejects.toMatchObject({ code })
    await expect(appended(streamId, '{}', text)).rejects.toMatchObject({ code })
    expect(await rowOf(streamId)).toBeUndefined()
  })

  it('may have characters that are escaped by number, and the words for them', async () => {
    const [escaped, spelled] = [newId(), newId()]
    await appended(escaped, '{"a":"\\u001b"}')
    await appended(spelled, '{"a":"\\\\u0000"}')
    expect((await rowOf(escaped))?.data).toEqual({ a: '\u001b' })
    expect((await rowOf(spelled))?.data).toEqual({ a: '\\u0000' })
  })

  it('is still only ever appended', async () => {
    const change = `update countersign.event set data = '{}' where stream_id = $1`
    await expect(before.superuser.query(change, [old])).rejects.toMatchObject({ code: '55000' })
  })

  it('is kept in its page, in every partition', async () => {
    const { rows } = await before.superuser.query(
      `select count(*)::int as kept, count(*) filter (where attstorage <> 'm')::int as elsewhere from pg_attribute
       where attname in ('data', 'metadata') and attrelid in (select relid from pg_partition_tree('countersign.event'))`,
    )
    expect(rows).toEqual([{ kept: expect.any(Number), elsewhere: 0 }])
  })
})
