import { styleText } from 'node:util'

/** Prints named steps with the time each took. Colours only on a terminal and without NO_COLOR. */
export const stepPrinter = (out: NodeJS.WriteStream, began = performance.now()) => {
  const paint = (format: 'dim' | 'bold' | 'green' | 'yellow' | 'cyan', text: string): string =>
    styleText(format, text, { stream: out })
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`.padStart(8)

  return {
    line: (text = ''): void => {
      out.write(`${text}\n`)
    },
    paint,
    elapsed: (): string => seconds(performance.now() - began).trim(),
    /** Runs one step and prints its name with what it took and what it says of itself; a failure names the step. */
    step: async <Result>(
      name: string,
      run: () => Promise<Result> | Result,
      say: (result: Result) => string = () => '',
    ): Promise<Result> => {
      const start = performance.now()
      try {
        const result = await run()
        out.write(
          `${paint('dim', seconds(performance.now() - start))}  ${name}${say(result) === '' ? '' : paint('dim', `  ${say(result)}`)}\n`,
        )
        return result
      } catch (error) {
        out.write(`${seconds(performance.now() - start)}  ${name}  ${paint('yellow', 'failed')}\n`)
        throw error
      }
    },
  }
}

export type StepPrinter = ReturnType<typeof stepPrinter>
