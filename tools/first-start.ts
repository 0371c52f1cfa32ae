import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Starts the product as a newcomer does, twice on the same data folder, and stops it with Ctrl-C's signal each time.

const goalMs = 15_000
const dataDir = mkdtempSync(join(tmpdir(), 'countersign-first-start-'))

const start = (): { child: ChildProcess; output: () => string } => {
  let output = ''
  const child = spawn(process.execPath, ['apps/standalone/dist/main.js', '--data-dir', dataDir, '--port', '17900'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout?.on('data', (text: Buffer) => (output += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (output += text.toString()))
  return { child, output: () => output }
}

const once = async (name: string): Promise<void> => {
  const began = performance.now()
  const { child, output } = start()
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  const ready = async (): Promise<void> => {
    while (!output().includes('is ready')) {
      if (child.exitCode !== null) throw new Error(`it ended: ${output()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await ready()
  const took = performance.now() - began
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output().split('API')[1] ?? '')?.[0]
  if (url === undefined) throw new Error(`no address was printed: ${output()}`)
  const answer = await fetch(`${url}/readyz`)
  if (!answer.ok) throw new Error(`${url}/readyz answered ${answer.status}`)
  child.kill('SIGINT')
  const code = await exited
  if (code !== 0) throw new Error(`it ended with ${code}: ${output()}`)
  // Reported, not asserted: a busy machine must not fail the build.
  process.stdout.write(
    `${name}: ready after ${(took / 1000).toFixed(1)} s (goal ${goalMs / 1000} s), stopped cleanly\n`,
  )
}

try {
  await once('first start')
  await once('second start')
} finally {
  rmSync(dataDir, { recursive: true, force: true })
}
