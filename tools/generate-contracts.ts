import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedFiles } from '../libs/contracts/src/documents/generated-files.ts'
import { statusOf } from '../libs/service-kit/src/problem-status.ts'

/**
 * Writes everything that is derived from the schemas below `libs/contracts/generated`; with `--check` it writes nothing and
 * fails when what is there is not what the schemas say.
 */
const folder = join(import.meta.dirname, '../libs/contracts/generated')
const wanted = generatedFiles({ statusOf })

const present = (): string[] => {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch {
    return []
  }
}

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(join(folder, file), 'utf8')
  } catch {
    return undefined
  }
}

const stale = [...wanted].filter(([file, text]) => textOf(file) !== text).map(([file]) => file)
const left = present().filter((file) => !wanted.has(file))

if (process.argv.includes('--check')) {
  for (const file of stale) process.stderr.write(`libs/contracts/generated/${file} is not what the schemas say\n`)
  for (const file of left) process.stderr.write(`libs/contracts/generated/${file} comes from no schema\n`)
  if (stale.length + left.length > 0) {
    process.stderr.write('run: npm run generate\n')
    process.exitCode = 1
  }
} else {
  for (const file of left) rmSync(join(folder, file))
  for (const file of stale) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), wanted.get(file) ?? '')
  }
  process.stdout.write(`${wanted.size} files, ${stale.length} written, ${left.length} removed\n`)
}
