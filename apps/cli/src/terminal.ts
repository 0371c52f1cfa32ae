import { styleText } from 'node:util'

export type Paint = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** Where a command writes. Results go to `out`, everything about how it is going to `err`. */
export type Terminal = {
  readonly out: (line?: string) => void
  readonly err: (line?: string) => void
  /** Colours text for `out`: only on a terminal, and never with NO_COLOR. */
  readonly paint: (format: Paint, text: string) => string
  /** Colours text for `err`. */
  readonly paintErr: (format: Paint, text: string) => string
  /** Writes over the same line on a terminal; anywhere else it writes a line now and then. */
  readonly progress: (text: string) => void
  /** Ends a progress line. */
  readonly progressDone: () => void
}

export type Streams = { readonly stdout: NodeJS.WritableStream; readonly stderr: NodeJS.WritableStream }

const everyMs = 5_000

/** Whether a stream takes colours and lines that are written over. */
const isTerminal = (stream: NodeJS.WritableStream): boolean => 'isTTY' in stream && stream.isTTY === true

export const terminalOn = (
  { stdout, stderr }: Streams,
  env: Readonly<Record<string, string | undefined>>,
  now: () => number = () => performance.now(),
): Terminal => {
  const painter =
    (stream: NodeJS.WritableStream) =>
    (format: Paint, text: string): string =>
      isTerminal(stream) && (env['NO_COLOR'] ?? '') === '' ? styleText(format, text, { validateStream: false }) : text
  let lastAt = now()
  let open = false
  const line = (stream: NodeJS.WritableStream, text: string): void => {
    if (open && isTerminal(stderr)) stderr.write('\r\u001b[K')
    open = false
    stream.write(`${text}\n`)
  }
  return {
    out: (text = '') => line(stdout, text),
    err: (text = '') => line(stderr, text),
    paint: painter(stdout),
    paintErr: painter(stderr),
    progress: (text) => {
      if (isTerminal(stderr)) {
        stderr.write(`\r\u001b[K${text}`)
        open = true
        return
      }
      if (now() - lastAt < everyMs) return
      lastAt = now()
      stderr.write(`${text}\n`)
    },
    progressDone: () => {
      if (open) stderr.write('\r\u001b[K')
      open = false
    },
  }
}
