import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BusConfig, busSettings, kafkaAccess } from './bus-settings.ts'
import { ConfigError, type Environment, readConfig } from './read-config.ts'

const read = (env: Environment): BusConfig => readConfig(Type.Object(busSettings), env) as unknown as BusConfig
const access = (env: Environment) => kafkaAccess(read({ BUS: 'kafka', ...env }))
const problemsOf = (env: Environment): readonly string[] => {
  try {
    access(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

let folder: string
let file: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-settings-'))
  file = join(folder, 'some.pem')
  writeFileSync(file, 'PEM')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the settings of the bus', () => {
  it('are the embedded driver when nothing is said', () => {
    expect(read({})).toMatchObject({ BUS: 'postgres', KAFKA_BROKERS: [], KAFKA_TLS: 'off' })
  })

  it('name several brokers and prove name and password by SCRAM', () => {
    expect(access({ KAFKA_BROKERS: 'one:9092,two:9092', KAFKA_USERNAME: 'policy', KAFKA_PASSWORD: 'secret' })).toEqual({
      brokers: ['one:9092', 'two:9092'],
      sasl: { mechanism: 'scram-sha-512', username: 'policy', password: 'secret' },
    })
  })

  it('read certificates from files', () => {
    const files = { KAFKA_CA_FILE: file, KAFKA_CERT_FILE: file, KAFKA_KEY_FILE: file }
    expect(access({ KAFKA_BROKERS: 'one:9095', KAFKA_TLS: 'on', ...files })).toEqual({
      brokers: ['one:9095'],
      ssl: { ca: ['PEM'], cert: 'PEM', key: 'PEM' },
    })
  })

  it.each([
    ['no broker', {}, /^KAFKA_BROKERS/],
    ['a name without a password', { KAFKA_BROKERS: 'one:1', KAFKA_USERNAME: 'policy' }, /^KAFKA_USERNAME and/],
    ['a certificate without its key', { KAFKA_BROKERS: 'one:1', KAFKA_TLS: 'on', KAFKA_CERT_FILE: 'c' }, /^KAFKA_CERT/],
    ['certificates without TLS', { KAFKA_BROKERS: 'one:1', KAFKA_CA_FILE: 'c' }, /^KAFKA_TLS/],
    [
      'a file that is not there',
      { KAFKA_BROKERS: 'one:1', KAFKA_TLS: 'on', KAFKA_CA_FILE: '/nowhere' },
      /^KAFKA_CA_FILE/,
    ],
  ])('are refused with %s, and no value is said', (_name, env: Environment, problem) => {
    const problems = problemsOf(env)
    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(problems.join()).not.toContain('/nowhere')
  })
})
