import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type MarkFolder, MarkInvalid, markFolder, type StoreMark } from './mark-folder.ts'

const key = randomBytes(32)
let folder: string
const opened: MarkFolder[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-mark-'))
})
afterEach(async () => {
  for (const marks of opened.splice(0)) await marks.close()
  await rm(folder, { recursive: true })
})

const marksIn = (path: string, writer: string, signedBy = key): MarkFolder => {
  const marks = markFolder(path, { key: signedBy, writer })
  opened.push(marks)
  return marks
}
const marksOf = (writer: string, signedBy = key): MarkFolder => marksIn(folder, writer, signedBy)
const markAt = (xid: string, position = 1, incarnation = 1): StoreMark => ({
  incarnation,
  xid,
  position,
  systemIdentifier: '7',
  timeline: '1',
  event: { eventId: `event ${xid}`, digest: `sha256:${xid}` },
})

describe('the folder of marks', () => {
  it('holds nothing at first, also before it is there', async () => {
    const later = join(folder, 'later')
    expect(await marksIn(later, 'a').read()).toBeUndefined()
    await marksIn(later, 'a').advance(markAt('9'))
    expect(await marksIn(later, 'b').read()).toEqual(markAt('9'))
  })

  it('only moves forward: by incarnation, then by transaction as a number, then by position', async () => {
    const marks = marksOf('a')
    await marks.advance(markAt('100', 5))
    for (const behind of [markAt('99', 9), markAt('100', 4), markAt('900', 9, 0)]) {
      await marks.advance(behind)
      await marksOf('b').advance(behind)
      expect(await marks.read()).toEqual(markAt('100', 5))
    }
    await marks.advance(markAt('1', 1, 2))
    expect(await marks.read()).toEqual(markAt('1', 1, 2))
  })

  it('is not moved back by a writer that froze before it renamed its file', async () => {
    const [frozen, other] = [marksOf('frozen'), marksOf('other')]
    await frozen.advance(markAt('10'))
    const late = await readFile(join(folder, 'frozen.mark'))
    await other.advance(markAt('20'))
    await writeFile(join(folder, 'frozen.mark'), late)
    expect(await other.read()).toEqual(markAt('20'))
    expect(await frozen.read()).toEqual(markAt('20'))
  })

  it('has one file per writer at most, and one as long as there is one writer', async () => {
    for (const [place, writer] of ['a', 'b', 'c', 'c'].entries()) await marksOf(writer).advance(markAt(`${place + 1}`))
    expect(await readdir(folder)).toEqual(['c.mark'])
  })

  it('removes what writers that died left half-written, and nothing that is not its own', async () => {
    for (const name of ['dead.mark.draft', 'log.checkpoint', 'log.checkpoint.7.draft'])
      await writeFile(join(folder, name), 'x')
    await marksOf('a').advance(markAt('1'))
    expect((await readdir(folder)).toSorted()).toEqual(['a.mark', 'log.checkpoint', 'log.checkpoint.7.draft'])
  })

  it.each([0, 1])('holds the mark before when a crash tears slot %i, which was being written', async (torn) => {
    const marks = marksOf('a')
    for (let xid = 1; xid <= 4 + torn; xid += 1) await marks.advance(markAt(`${xid}`))
    const file = await open(join(folder, 'a.mark'), 'r+')
    // The last mark is in the slot that is spoiled: an odd one was written to the first.
    await file.write(Buffer.alloc(100), 0, 100, torn === 1 ? 0 : 4_096)
    await file.close()
    expect(await marksOf('b').read()).toEqual(markAt(`${3 + torn}`))
  })

  it('goes on when it was let go of', async () => {
    const marks = marksOf('a')
    await marks.advance(markAt('1'))
    await marks.close()
    await marks.advance(markAt('2'))
    expect(await marksOf('b').read()).toEqual(markAt('2'))
  })

  it('is there again when its file was removed while it was kept open', async () => {
    const marks = marksOf('a')
    await marks.advance(markAt('1'))
    await rm(join(folder, 'a.mark'))
    await marks.advance(markAt('2'))
    expect(await marksOf('b').read()).toEqual(markAt('2'))
    await marks.advance(markAt('3'))
    expect(await marksOf('b').read()).toEqual(markAt('3'))
  })

  it('is never behind what one of two writers was told to be kept, who remove the files of each other', async () => {
    const [reading, a, b] = [marksOf('reader'), marksOf('a'), marksOf('b')]
    let told = 0
    const step = async (marks: MarkFolder): Promise<void> => {
      const xid = told + 1
      await marks.advance(markAt(`${xid}`))
      told = Math.max(told, xid)
      const atLeast = told
      expect(Number((await reading.read())?.xid)).toBeGreaterThanOrEqual(atLeast)
    }
    for (const marks of [a, b, a, b, b, a]) await step(marks)
    const steps = async (marks: MarkFolder): Promise<void> => {
      for (let count = 0; count < 40; count += 1) await step(marks)
    }
    await Promise.all([steps(a), steps(b)])
    expect(told).toBeGreaterThanOrEqual(46)
  })

  it('believes nothing that this deployment did not sign, also behind a mark that it did', async () => {
    await marksOf('a').advance(markAt('20'))
    const [text = ''] = (await readFile(join(folder, 'a.mark'), 'utf8')).split('\n')
    await marksOf('b', randomBytes(32)).replace(markAt('5'))
    await expect(marksOf('c').read()).rejects.toThrow(MarkInvalid)
    await expect(marksOf('c').advance(markAt('30'))).rejects.toThrow(MarkInvalid)
    for (const forged of ['', text, `${text}\n`, `${text.replace('20', '21')}\n${'A'.repeat(43)}\n`, '{}\n\n']) {
      await writeFile(join(folder, 'b.mark'), forged)
      await expect(marksOf('c').read(), forged).rejects.toThrow(MarkInvalid)
    }
  })

  it('is put in the place of everything there when an operator adopts the store', async () => {
    await marksOf('a').advance(markAt('900'))
    await marksOf('b', randomBytes(32)).replace(markAt('5'))
    const adopted: StoreMark = { ...markAt('0', 0, 2) }
    await marksOf('intake').replace(adopted)
    expect(await marksOf('c').read()).toEqual(adopted)
    expect(await readdir(folder)).toEqual(['intake.mark'])
  })

  it('can be read while writers come and go', async () => {
    const reading = marksOf('reader')
    await marksOf('first').advance(markAt('1'))
    let isDone = false
    const writing = (async () => {
      for (let xid = 2; xid < 80; xid += 1) await marksOf(`writer-${xid % 3}`).advance(markAt(`${xid}`))
      isDone = true
    })()
    let [seen, reads] = [0, 0]
    while (!isDone) {
      const mark = await reading.read()
      expect(Number(mark?.xid)).toBeGreaterThanOrEqual(seen)
      seen = Number(mark?.xid)
      reads += 1
    }
    await writing
    expect(reads).toBeGreaterThan(1)
  })
})
