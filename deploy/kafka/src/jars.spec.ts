import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkProducers } from './access-table.ts'
import { parseChecksums, wrongJars } from './jars.ts'
import { javaMajor } from './required-programs.ts'

describe('the jars of Kafka', () => {
  it('are refused when one is missing, one is new or one has other bytes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-jars-'))
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    const checksums = parseChecksums(`${empty}  good.jar\n${empty}  changed.jar\n${empty}  absent.jar\n`)
    await writeFile(join(folder, 'good.jar'), '')
    await writeFile(join(folder, 'changed.jar'), 'x')
    await writeFile(join(folder, 'added.jar'), '')
    expect((await wrongJars(folder, checksums)).toSorted()).toEqual([
      'absent.jar is missing',
      "added.jar is not one of Kafka's",
      'changed.jar has another checksum',
    ])
    await rm(folder, { recursive: true })
  })

  it('are not trusted from a list with an odd line', () => {
    expect(() => parseChecksums('abc  good.jar\n')).toThrow('no checksum')
  })
})

it.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_392"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ['nothing', 0],
])('reads the version of Java from %s', (text, major) => {
  expect(javaMajor(text)).toBe(major)
})

it.each(['', 'a.b', 'Agent', 'x'.repeat(41), 'relay', 'admin'])('refuses %j as the name of a producer', (name) => {
  expect(() => checkProducers([name])).toThrow(TypeError)
})
