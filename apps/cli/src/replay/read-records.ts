import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import { PassThrough } from 'node:stream'
import type { JsonValue } from '@countersign/contracts'
import { objectOf, readCloudTrailRecord, type CloudTrailRecord } from './cloudtrail-record.ts'

/** One record or one line that could not be used. `line` counts from 1; in a file of `Records`, it is the record's place. */
export type ReadLine =
  | { readonly line: number; readonly record: CloudTrailRecord }
  | { readonly line: number; readonly quarantined: 'line_too_long' | 'invalid_json' | 'invalid_utf8' | 'not_a_record' }

const maxLineBytes = 1_048_576
const maxFileBytes = 67_108_864

/**
 * Reads a trail: JSON Lines, or one JSON document `{"Records": […]}` as CloudTrail delivers it; gzip is recognised by its
 * first bytes. Lines are read one by one, so a trail of any length takes little memory. A bad line never ends the reading:
 * it is reported with its number and no content.
 */
export async function* readRecords(path: string): AsyncGenerator<ReadLine> {
  yield* readTrail(decompressed(path))
}

export async function* readTrail(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ReadLine> {
  let line = 0
  let document: Uint8Array[] | undefined
  let held = 0
  for await (const text of linesOf(bytes)) {
    line += 1
    if (document !== undefined) {
      held += text?.byteLength ?? 0
      if (held > maxFileBytes) throw new Error(`a JSON document of more than ${maxFileBytes} bytes; use JSON Lines`)
      document.push(text ?? new Uint8Array())
      continue
    }
    const value = parse(text)
    // The first line of an indented document is no JSON of its own.
    if (
      line === 1 &&
      value === undefined &&
      text !== undefined &&
      /^\s*[{[]\s*$/.test(Buffer.from(text).toString('latin1'))
    ) {
      document = [text]
      continue
    }
    if (isDocument(value)) yield* recordsOf(value)
    else if (text === undefined || text.byteLength > 0) yield readLine(line, text, value)
  }
  if (document === undefined) return
  const value = parse(Buffer.concat(document.map((part) => Buffer.concat([part, Buffer.from('\n')]))))
  if (value === undefined) yield { line: 1, quarantined: 'invalid_json' }
  else yield* recordsOf(value)
}

const readLine = (line: number, text: Uint8Array | undefined, value: JsonValue | undefined): ReadLine => {
  if (text === undefined) return { line, quarantined: 'line_too_long' }
  if (value === undefined) return { line, quarantined: isUtf8(text) ? 'invalid_json' : 'invalid_utf8' }
  const record = readCloudTrailRecord(value)
  return record === undefined ? { line, quarantined: 'not_a_record' } : { line, record }
}

const isDocument = (value: JsonValue | undefined): value is JsonValue =>
  Array.isArray(value) || Array.isArray(objectOf(value)['Records'])

function* recordsOf(value: JsonValue): Generator<ReadLine> {
  const records = Array.isArray(value) ? value : objectOf(value)['Records']
  if (!Array.isArray(records)) {
    yield { line: 1, quarantined: 'not_a_record' }
    return
  }
  for (const [index, item] of records.entries()) {
    const record = readCloudTrailRecord(item)
    yield record === undefined ? { line: index + 1, quarantined: 'not_a_record' } : { line: index + 1, record }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    utf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

const parse = (bytes: Uint8Array | undefined): JsonValue | undefined => {
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue
  } catch {
    return undefined
  }
}

/** Lines without their ends; undefined for one that is longer than the bound, whose bytes are not kept. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | undefined> {
  let parts: Uint8Array[] = []
  let length = 0
  let tooLong = false
  const take = (part: Uint8Array): void => {
    length += part.byteLength
    // A document on one line is a line too; only what no document may be is dropped.
    if (length > maxFileBytes) [tooLong, parts] = [true, []]
    else if (!tooLong) parts.push(part)
  }
  const line = (): Uint8Array | undefined => {
    const joined = tooLong ? undefined : Buffer.concat(parts)
    ;[parts, length, tooLong] = [[], 0, false]
    if (joined === undefined) return undefined
    const end = joined.at(-1) === 13 ? joined.subarray(0, -1) : joined
    return end.byteLength > maxLineBytes && !end.subarray(0, 64).includes('"Records"') ? undefined : end
  }
  for await (const chunk of bytes) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, end))
      yield line()
      from = end + 1
    }
    if (from < chunk.byteLength) take(chunk.subarray(from))
  }
  if (length > 0) yield line()
}

async function* decompressed(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path)
  const magic = await firstBytes(path)
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) {
    yield* file as AsyncIterable<Uint8Array>
    return
  }
  const out = new PassThrough()
  const done = pipeline(file, createGunzip(), out)
  // A failure reaches the reader through the stream; this only keeps it from being reported twice.
  done.catch(() => undefined)
  yield* out as AsyncIterable<Uint8Array>
  await done
}

const firstBytes = async (path: string): Promise<Uint8Array> => {
  for await (const chunk of createReadStream(path, { start: 0, end: 1 })) return chunk as Uint8Array
  return new Uint8Array()
}
