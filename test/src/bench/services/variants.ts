import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRunning } from '../../running.ts'
import { figuresOf, interleaved, ratioOf } from '../compare.ts'
import type { Scale } from '../scale.ts'
import { measured, type Measured } from '../targets.ts'
import { endInstance, type Instance, openInstance } from './instance.ts'

const policies = fileURLToPath(new URL('../../../../policies', import.meta.url))

const oneRule = `@id("always")
@decision("allow")
@reason("The bench asks for no decision")
permit (principal, action == CS::Action::"data.read", resource);
`

/** A policy folder with the schema of ours and one rule that allows what the bench asks: the least that can be evaluated. */
const constantPolicies = async (folder: string): Promise<string> => {
  for (const name of await readdir(policies)) {
    if (!name.endsWith('.cedar')) await cp(join(policies, name), join(folder, name), { recursive: true })
  }
  await writeFile(join(folder, 'always.cedar'), oneRule)
  return folder
}

/**
 * T7 and T9: a second instance of the product beside the first, alike but for one thing, and both in turns through the
 * whole path. Whichever waits is idle.
 */
export const measureVariants = async (
  id: 'T7' | 'T9',
  plain: Instance,
  { rounds, intentsOnKafka }: Scale,
): Promise<Measured> => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const more =
    id === 'T7'
      ? ['--policies', await constantPolicies(folder)]
      : ['--trace-file', join(folder, 'traces.jsonl'), '--trace-ratio', '0.01']
  try {
    const running = await startRunning({ bus: 'kafka', more: () => more })
    try {
      const other = await openInstance(running)
      const done = await interleaved(rounds, {
        plain: () => plain.wholePath(intentsOnKafka),
        other: () => other.wholePath(intentsOnKafka),
      })
      await other.line.close()
      const plainFigures = figuresOf('whole path as it comes', done.plain)
      if (id === 'T7') {
        return measured('T7', {
          ours: plainFigures,
          yardstick: figuresOf('whole path, one rule', done.other),
          ratio: ratioOf(done.plain, done.other, 'perSecond'),
        })
      }
      return measured('T9', {
        ours: figuresOf('whole path, traces of 1 % written', done.other),
        yardstick: plainFigures,
        ratio: ratioOf(done.other, done.plain, 'perSecond'),
      })
    } finally {
      await endInstance(running)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
