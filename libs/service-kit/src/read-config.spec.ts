import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Type } from 'typebox'
import { afterAll, describe, expect, it } from 'vitest'
import { configReference, secretSetting } from './config-schema.ts'
import { ConfigError, type Environment, readConfig } from './read-config.ts'
import { Secret } from './secret.ts'

const schema = Type.Object({
  HTTP_PORT: Type.Integer({ default: 3001, minimum: 0, maximum: 65_535, description: 'Port' }),
  RATIO: Type.Number({ default: 0.5, minimum: 0, maximum: 1, description: 'Share' }),
  OBSERVE: Type.Boolean({ default: false, description: 'Only observe' }),
  BROKERS: Type.Array(Type.String({ minLength: 1 }), { default: [], description: 'Brokers | seeds' }),
  SHARDS: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { description: 'Shards' })),
  DRIVER: Type.Union([Type.Literal('kafka'), Type.Literal('postgres')], { description: 'Bus driver' }),
  DATABASE_URL: secretSetting({ description: 'Where the store is', minLength: 8 }),
})
const folder = mkdtempSync(join(tmpdir(), 'read-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secretText = 'postgres://intake:hunter2hunter2@db/store'
const good = { DRIVER: 'kafka', DATABASE_URL: secretText }

const problemsOf = (env: Environment): readonly string[] => {
  try {
    readConfig(schema, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('configuration', () => {
  it('takes defaults for what is not set and coerces what is', () => {
    const config = readConfig(schema, { ...good, HTTP_PORT: '0', OBSERVE: 'true', BROKERS: 'a:1, b:2,', SHARDS: '1,2' })
    expect(config).toMatchObject({
      HTTP_PORT: 0,
      RATIO: 0.5,
      OBSERVE: true,
      BROKERS: ['a:1', 'b:2'],
      SHARDS: [1, 2],
      DRIVER: 'kafka',
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('counts an empty variable as not set', () => {
    expect(readConfig(schema, { ...good, HTTP_PORT: '' }).HTTP_PORT).toBe(3001)
    expect(problemsOf({ ...good, DRIVER: '' })).toEqual(['DRIVER: expected one of kafka, postgres, it is not set'])
  })

  it('names every variable that is wrong in one error, with what is expected and never its value', () => {
    const problems = problemsOf({
      HTTP_PORT: '70000',
      RATIO: '1e-1',
      OBSERVE: 'yes',
      SHARDS: '1,x',
      DRIVER: 'rabbit-hunter2',
      DATABASE_URL: 'short',
    })
    expect(problems).toEqual([
      'HTTP_PORT: expected an integer from 0 to 65535',
      'RATIO: expected a number from 0 to 1',
      'OBSERVE: expected true or false',
      'SHARDS: expected a comma-separated list, each an integer of at least 1',
      'DRIVER: expected one of kafka, postgres',
      'DATABASE_URL: expected a secret of at least 8 characters',
    ])
    expect(new ConfigError(problems).message).not.toMatch(/70000|yes|hunter2|short/)
  })

  it.each(['3001x', '0x10', ' 1', '1.5', '١٢', 'Infinity', '-1'])('refuses %j as a port', (text) => {
    expect(problemsOf({ ...good, HTTP_PORT: text })).toHaveLength(1)
  })

  it('reads a secret from the file that NAME_FILE names, without its last line end', () => {
    const path = join(folder, 'url')
    writeFileSync(path, `${secretText}\n`)
    const { DATABASE_URL } = readConfig(schema, { DRIVER: 'kafka', DATABASE_URL_FILE: path })
    expect(DATABASE_URL.reveal()).toBe(secretText)
  })

  it('refuses a secret given twice, and a file that cannot be read', () => {
    expect(problemsOf({ ...good, DATABASE_URL_FILE: join(folder, 'url') })).toEqual([
      'DATABASE_URL: expected either DATABASE_URL or DATABASE_URL_FILE, both are set',
    ])
    expect(problemsOf({ DRIVER: 'kafka', DATABASE_URL_FILE: join(folder, 'missing') })).toEqual([
      'DATABASE_URL_FILE: expected the path of a readable file',
    ])
  })

  it('shows a secret nowhere but to who reveals it', () => {
    const secret = readConfig(schema, good).DATABASE_URL
    expect(secret).toBeInstanceOf(Secret)
    const shown = [
      String(secret),
      secret.toString(),
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
    ]
    expect(shown.join(' ')).not.toContain('hunter2')
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
    expect(secret.reveal()).toBe(secretText)
  })

  it('writes the reference from the schema', () => {
    const table = configReference(schema).split('\n')
    expect(table).toContain('| `HTTP_PORT` | Port | an integer from 0 to 65535 | `3001` |')
    expect(table).toContain('| `BROKERS` | Brokers \\| seeds | a comma-separated list, each text | empty |')
    expect(table).toContain('| `DRIVER` | Bus driver | one of kafka, postgres | required |')
    expect(table).toContain(
      '| `DATABASE_URL` or `DATABASE_URL_FILE` | Where the store is | a secret of at least 8 characters | required |',
    )
  })
})
