import { readFileSync } from 'node:fs'
import type { Type } from 'typebox'
import { Value } from 'typebox/value'
import { coerceText } from './coerce-text.ts'
import { expectation, isSecretSetting, type SettingSchema, settingsOf } from './config-schema.ts'
import { Secret } from './secret.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Everything that is wrong with the environment, one line per variable. Holds names and expectations, never values. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Thrown inside this file only; becomes one line of the ConfigError. */
class SettingProblem extends Error {}

/** An empty variable counts as not set: that is what compose files and charts write for "no value". */
const textOf = (env: Environment, name: string): string | undefined => (env[name] === '' ? undefined : env[name])

const readSecretFile = (name: string, path: string): string => {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new SettingProblem(`${name}_FILE: expected the path of a readable file`)
  }
}

const rawText = (env: Environment, name: string, setting: SettingSchema): string | undefined => {
  const text = textOf(env, name)
  if (!isSecretSetting(setting)) return text
  const path = textOf(env, `${name}_FILE`)
  if (path === undefined) return text
  if (text !== undefined) throw new SettingProblem(`${name}: expected either ${name} or ${name}_FILE, both are set`)
  return readSecretFile(name, path)
}

const readSetting = (env: Environment, [name, setting, isRequired]: [string, SettingSchema, boolean]): unknown => {
  const text = rawText(env, name, setting)
  if (text === undefined) {
    if (isRequired) throw new SettingProblem(`${name}: expected ${expectation(setting)}, it is not set`)
    return setting.default
  }
  const value = coerceText(text, setting)
  if (!Value.Check(setting as Type.TSchema, value))
    throw new SettingProblem(`${name}: expected ${expectation(setting)}`)
  return isSecretSetting(setting) ? new Secret(text) : value
}

/**
 * Reads an app's settings once from an environment record.
 *
 * Keys of `schema` are variable names. Integers, numbers, booleans and comma-separated lists are coerced; secrets come
 * from `NAME` or the file `NAME_FILE` and stay wrapped.
 *
 * @throws ConfigError with all problems at once; it names variables and what is expected, never a value.
 */
export const readConfig = <S extends Type.TObject>(schema: S, env: Environment): Readonly<Type.Static<S>> => {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const entry of settingsOf(schema)) {
    try {
      const value = readSetting(env, entry)
      if (value !== undefined) values[entry[0]] = value
    } catch (error) {
      if (!(error instanceof SettingProblem)) throw error
      problems.push(error.message)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(values) as Readonly<Type.Static<S>>
}
