import { exitCodes } from './exit-codes.ts'

/**
 * Aborted, with the name of the signal, once this process is asked to end by SIGTERM or SIGINT; a second one ends it at once.
 * Called once in a process, before anything is opened.
 */
export const endSignal = (): AbortSignal => {
  const asked = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait.
    if (asked.signal.aborted) process.exit(exitCodes.failed)
    asked.abort(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return asked.signal
}

/** Resolves once the signal is aborted. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
