import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { terminalOn } from './terminal.ts'

const stream = (isTTY: boolean) => {
  const written: string[] = []
  const made = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString())
      done()
    },
  })
  return { stream: Object.assign(made, { isTTY }), written }
}

const terminal = (isTTY: boolean, env: Record<string, string> = {}) => {
  const [out, err] = [stream(isTTY), stream(isTTY)]
  let at = 0
  const made = terminalOn({ stdout: out.stream, stderr: err.stream }, env, () => at)
  return { made, out: out.written, err: err.written, pass: (ms: number) => (at += ms) }
}

describe('a terminal', () => {
  it('takes colours, a pipe and NO_COLOR none', () => {
    expect(terminal(true).made.paint('green', 'ok')).toBe('\u001b[32mok\u001b[39m')
    expect(terminal(false).made.paint('green', 'ok')).toBe('ok')
    expect(terminal(true, { NO_COLOR: '1' }).made.paint('green', 'ok')).toBe('ok')
  })

  it('gets progress on one line, which goes before the next text', () => {
    const { made, err } = terminal(true)
    made.progress('1 of 2')
    made.progress('2 of 2')
    made.err('done')
    expect(err.join('')).toBe('\r\u001b[K1 of 2\r\u001b[K2 of 2\r\u001b[Kdone\n')
  })

  it('leaves a pipe with a line of progress every five seconds', () => {
    const { made, err, pass } = terminal(false)
    for (let second = 0; second < 11; second++) {
      made.progress(`${second} s`)
      pass(1_000)
    }
    made.progressDone()
    expect(err).toEqual(['5 s\n', '10 s\n'])
  })
})
