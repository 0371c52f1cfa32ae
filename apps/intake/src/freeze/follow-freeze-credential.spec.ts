import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newFreezeCredential, withdrawnFreezeCredential } from '@countersign/identity'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followFreezeCredential, type HoldsFreezeCredential } from './follow-freeze-credential.ts'

const [first, second] = [newFreezeCredential(), newFreezeCredential()]
const warn = vi.fn()
const quiet = { info: () => undefined, warn }

let folder: string
let file: string
let now: number
let holds: HoldsFreezeCredential
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-freeze-'))
  file = join(folder, 'freeze-credential.sha256')
  now = 1_000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  warn.mockClear()
  write(first.hashFile)
  holds = followFreezeCredential(file, quiet)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const write = (content: string): void => {
  writeFileSync(`${file}.new`, content)
  renameSync(`${file}.new`, file)
}
const counts = ({ credential }: { credential: string }): boolean => holds(`Bearer ${credential}`)

describe('the freeze credential in a file', () => {
  it('that is renewed counts at once, and the former no more', () => {
    expect([counts(first), counts(second)]).toEqual([true, false])
    write(second.hashFile)
    expect([counts(second), counts(first)]).toEqual([true, false])
  })

  it.each<[string, () => void]>([
    ['renewed', () => write(second.hashFile)],
    ['withdrawn', () => write(withdrawnFreezeCredential)],
    ['taken away', () => unlinkSync(file)],
  ])('that is %s is good for nothing after a second, though nobody shows another', (_how, change) => {
    expect(counts(first)).toBe(true)
    change()
    now += 1_000
    expect(counts(first)).toBe(false)
  })

  it('that was withdrawn can be made anew', () => {
    write(withdrawnFreezeCredential)
    holds = followFreezeCredential(file, quiet)
    expect(counts(first)).toBe(false)
    write(second.hashFile)
    expect(counts(second)).toBe(true)
  })

  it('stays when the file holds something else, and that is told', () => {
    write('sha256:')
    now += 1_000
    expect([counts(first), counts(second)]).toEqual([true, false])
    expect(warn).toHaveBeenCalledOnce()
    expect(() => followFreezeCredential(file, quiet)).toThrow('does not hold a SHA-256 hash')
  })

  it('is held by nobody where there is no file', () => {
    expect(followFreezeCredential(undefined, quiet)(`Bearer ${first.credential}`)).toBe(false)
  })
})
