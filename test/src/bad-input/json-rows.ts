import { goodIntent, marker } from './rejection.ts'

/** A body that is bad as JSON or as a request, and the code it gets. All are 400 unless they say otherwise. */
export type BodyRow = {
  readonly id: string
  readonly what: string
  readonly code: string
  readonly body: string | Uint8Array
  readonly status?: number
}

type Short = readonly [id: string, what: string, code: string, body: string | Uint8Array, status?: number]

const good = JSON.stringify(goodIntent())
const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

/** The good body with raw JSON text as its parameters. */
const withParameters = (json: string): string => {
  const { parameters: _, ...rest } = goodIntent()
  return `${JSON.stringify(rest).slice(0, -1)},"parameters":${json}}`
}
const withExtra = (json: string): string => `${good.slice(0, -1)},${json}}`
const nested = (depth: number, inner = `"${marker}"`): string => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`
const inString = (...middle: number[]): Uint8Array =>
  bytes(`${withParameters('{"note":"').slice(0, -1)}${marker}`, middle, '"}}')
const keys = (count: number): string => `{${Array.from({ length: count }, (_, at) => `"k${at}":1`).join(',')}}`

const rows: readonly Short[] = [
  ['B001', 'an empty body', 'invalid_json', ''],
  ['B002', 'null', 'root_not_object', 'null'],
  ...['[]', `"${marker}"`, '1', 'true'].map((root): Short => ['B003', `${root} as root`, 'root_not_object', root]),
  ['B005', 'two objects', 'invalid_json', '{}{}'],
  ['B005', 'a good body and garbage', 'invalid_json', `${good}${marker}`],
  ['B006', 'a trailing comma', 'invalid_json', `${good.slice(0, -1)},}`],
  ['B006', 'a comment', 'invalid_json', `/* ${marker} */${good}`],
  ['B006', 'single quotes', 'invalid_json', `{'action':'${marker}'}`],
  ...['NaN', 'Infinity', '-Infinity', '+1', '01', '.5', '0x1'].map(
    (number): Short => ['B006', `the number ${number}`, 'invalid_json', withParameters(`{"n":${number}}`)],
  ),
  ['B007', 'a byte order mark', 'bom_not_allowed', bytes([0xef, 0xbb, 0xbf], good)],
  ['B008', 'UTF-16LE with its mark', 'bom_not_allowed', Buffer.from(`\ufeff${good}`, 'utf16le')],
  ['B008', 'UTF-16LE', 'invalid_json', Buffer.from(good, 'utf16le')],
  ['B008', 'UTF-16BE', 'invalid_json', Buffer.from(good, 'utf16le').swap16()],
  ['B009', 'the byte 0xFF', 'invalid_utf8', inString(0xff)],
  ['B009', 'the byte 0xFE', 'invalid_utf8', inString(0xfe)],
  ['B010', 'an overlong slash', 'invalid_utf8', inString(0xc0, 0xaf)],
  ['B010', 'CESU-8 surrogates', 'invalid_utf8', inString(0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80)],
  ['B011', 'half a surrogate pair', 'lone_surrogate', withParameters('{"note":"\\ud800"}')],
  ['B011', 'the other half', 'lone_surrogate', withParameters('{"note":"\\udc00x"}')],
  ['B011', 'half a pair in a key', 'lone_surrogate', withParameters('{"\\ud800":1}')],
  ['B012', 'U+0000 in a value', 'nul_character', withParameters('{"note":"a\\u0000b"}')],
  ['B012', 'U+0000 in a key', 'nul_character', withParameters('{"a\\u0000b":1}')],
  ['B012', 'U+0000 in the target', 'nul_character', good.replace('warehouse', 'ware\\u0000house')],
  ['B013', 'a key twice', 'duplicate_key', withExtra('"action":"data.drop"')],
  ['B013', 'a key twice, once escaped', 'duplicate_key', withExtra('"\\u0061ction":"data.drop"')],
  ['B013', 'a key twice in the parameters', 'duplicate_key', withParameters(`{"t":1,"t":"${marker}"}`)],
  ['B014', 'a key in another case', 'unknown_field', withExtra('"Action":"data.drop"')],
  ['B014', 'a key with a trailing space', 'unknown_field', withExtra('"action ":"data.drop"')],
  ['B014', 'a key in another normal form', 'unknown_field', withExtra('"targe\u0301t":"x"')],
  ['B015', 'depth 33', 'depth_exceeded', withParameters(nested(32))],
  ['B015', 'depth 10,000', 'depth_exceeded', withParameters(nested(10_000, '1'))],
  ['B016', '1,001 keys', 'too_many_keys', withParameters(keys(1_001))],
  ['B016', 'a key of 129 characters', 'key_too_long', withParameters(`{"${'k'.repeat(129)}":1}`)],
  ['B017', 'one byte more than 256 KiB', 'body_too_large', good.padEnd(262_145, ' '), 413],
  ['B026', '1e400', 'number_not_exact', withParameters('{"n":1e400}')],
  ['B026', '-0', 'negative_zero', withParameters('{"n":-0}')],
  ['B026', '-0.0', 'negative_zero', withParameters('{"n":-0.0}')],
  ['B026', '2^53 + 1', 'number_not_exact', withParameters('{"n":9007199254740993}')],
  ['B026', '1.0000000000000001', 'number_not_exact', withParameters('{"n":1.0000000000000001}')],
  ['B026', 'an integer of 400 digits', 'number_not_exact', withParameters(`{"n":1${'0'.repeat(398)}7}`)],
  ...['__proto__', 'constructor', 'prototype'].flatMap((name): Short[] => [
    ['B028', `${name} at the top`, 'forbidden_key', withExtra(`"${name}":{"admin":true}`)],
    ['B028', `${name} ten levels down`, 'forbidden_key', withParameters(nested(9, `{"${name}":{"admin":true}}`))],
    [
      'B028',
      `${name}, escaped`,
      'forbidden_key',
      withExtra(`"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}":1`),
    ],
  ]),
  ...['toString', 'hasOwnProperty', 'then', 'valueOf'].map(
    (name): Short => ['B028', `${name} at the top`, 'unknown_field', withExtra(`"${name}":1`)],
  ),
  ['B029', 'an unknown field', 'unknown_field', withExtra(`"${marker}":"${marker}"`)],
  ['B053', 'an array of 10,001 lines', 'array_too_long', withExtra(`"logs":[${'"a",'.repeat(10_000)}"a"]`)],
]

export const jsonRows: readonly BodyRow[] = rows.map(([id, what, code, body, status = 400]) => ({
  id,
  what,
  code,
  body,
  status,
}))

/** Every beginning of a good body, from one byte to all but the last. */
export const truncations: readonly string[] = Array.from({ length: good.length - 1 }, (_, at) => good.slice(0, at + 1))
