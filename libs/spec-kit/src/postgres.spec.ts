import { expect, it } from 'vitest'
import { freshDatabase } from './postgres.ts'

it('gives each caller an empty database of its own with durable settings', async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()])
  try {
    await one.pool.query('CREATE TABLE note (body text)')
    expect((await two.pool.query("SELECT to_regclass('note') AS found")).rows).toEqual([{ found: null }])
    for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums']) {
      expect((await one.pool.query(`SHOW ${setting}`)).rows).toEqual([{ [setting]: 'on' }])
    }
  } finally {
    await one.drop()
  }
  const left = await two.pool.query('SELECT datname FROM pg_database WHERE datname IN ($1, $2)', [one.name, two.name])
  expect(left.rows).toEqual([{ datname: two.name }])
  await two.drop()
})
