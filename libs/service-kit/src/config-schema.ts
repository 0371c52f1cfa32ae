import { Type } from 'typebox'
import type { Secret } from './secret.ts'

/** Keyword that marks a setting as secret: `NAME` or, for a mounted file, `NAME_FILE` may be set, never both. */
const secretKeyword = 'x-countersign-secret'

/** One JSON Schema property as far as reading the environment needs it. */
export type SettingSchema = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly items?: SettingSchema
  readonly anyOf?: readonly { readonly const?: unknown }[]
  readonly enum?: readonly unknown[]
  readonly [secretKeyword]?: true
}

/** A secret setting: read from `NAME` or from the file that `NAME_FILE` names; its value is a `Secret`. */
export const secretSetting = (options: { readonly description: string; readonly minLength?: number }) =>
  Type.Unsafe<Secret>({ type: 'string', minLength: 1, ...options, [secretKeyword]: true } as Type.TSchema)

export const isSecretSetting = (setting: SettingSchema): boolean => setting[secretKeyword] === true

/** The settings of an app's schema by variable name. */
export const settingsOf = (schema: Type.TObject): [name: string, setting: SettingSchema, isRequired: boolean][] => {
  const required = new Set<string>(schema.required ?? [])
  return Object.entries(schema.properties).map(([name, setting]) => [
    name,
    setting as SettingSchema,
    required.has(name) && (setting as SettingSchema).default === undefined,
  ])
}

const allowedValues = (setting: SettingSchema): string[] | undefined => {
  const values = setting.enum ?? setting.anyOf?.map((option) => option.const)
  return values?.every((value) => value !== undefined) ? values.map(String) : undefined
}

const range = (setting: SettingSchema): string => {
  if (setting.minimum !== undefined && setting.maximum !== undefined)
    return ` from ${setting.minimum} to ${setting.maximum}`
  if (setting.minimum !== undefined) return ` of at least ${setting.minimum}`
  return setting.maximum === undefined ? '' : ` of at most ${setting.maximum}`
}

/** What a variable has to look like, in words; used by errors and by the generated reference. */
export const expectation = (setting: SettingSchema): string => {
  const values = allowedValues(setting)
  if (values) return `one of ${values.join(', ')}`
  if (isSecretSetting(setting)) {
    return (setting.minLength ?? 1) > 1 ? `a secret of at least ${setting.minLength} characters` : 'a secret'
  }
  switch (setting.type) {
    case 'integer':
      return `an integer${range(setting)}`
    case 'number':
      return `a number${range(setting)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a comma-separated list${setting.items ? `, each ${expectation(setting.items)}` : ''}`
    default: {
      if (setting.pattern !== undefined) return `text matching ${setting.pattern}`
      return setting.maxLength === undefined ? 'text' : `text of at most ${setting.maxLength} characters`
    }
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const defaultText = (setting: SettingSchema, isRequired: boolean): string => {
  if (setting.default === undefined) return isRequired ? 'required' : 'not set'
  const value = Array.isArray(setting.default)
    ? setting.default.join(',')
    : JSON.stringify(setting.default).replaceAll('"', '')
  return value === '' ? 'empty' : `\`${value}\``
}

/** Markdown table of an app's settings for the reference pages. */
export const configReference = (schema: Type.TObject): string => {
  const rows = settingsOf(schema).map(([name, setting, isRequired]) => {
    const names = isSecretSetting(setting) ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``
    const cells = [names, setting.description ?? '', expectation(setting), defaultText(setting, isRequired)]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  return ['| variable | meaning | expected | default |', '|---|---|---|---|', ...rows, ''].join('\n')
}
