import type { Command } from './command.ts'
import { streamKey } from './stream.ts'

/**
 * Splits commands into waves that can be decided as one batch each: within a wave no two commands name the same
 * stream (attempts aside: they are appended at any version), and commands of one stream keep their order over waves.
 */
export function splitIntoWaves<C extends Command>(commands: readonly C[]): C[][] {
  const waves: C[][] = []
  const lastWave = new Map<string, number>()
  for (const command of commands) {
    const keys = command.streams.filter((ref) => ref.kind !== 'attempts').map(streamKey)
    const wave = Math.max(-1, ...keys.map((key) => lastWave.get(key) ?? -1)) + 1
    for (const key of keys) lastWave.set(key, wave)
    const members = waves[wave]
    if (members === undefined) waves[wave] = [command]
    else members.push(command)
  }
  return waves
}
