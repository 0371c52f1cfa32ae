import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from '../start-services/settings-of-services.ts'
import { freePortFrom } from './free-port.ts'
import { sequelOf } from './restarts.ts'
import { type LaunchOptions, ServiceProcess } from './service-process.ts'

export type SupervisedOptions = Omit<LaunchOptions, 'port'> & {
  /** First port to try; the next free one is taken. */
  readonly firstPort: number
  /** Told what happens to it, a sentence each. */
  readonly say: (line: string) => void
}

const wordsOf = (how: number | NodeJS.Signals): string => (typeof how === 'number' ? `exit code ${how}` : how)

/** A service that is kept running: started again when it dies, until it dies again and again. */
export class SupervisedService {
  readonly name: ServiceName
  readonly #options: SupervisedOptions
  readonly #stopping = new AbortController()
  readonly #givenUp = Promise.withResolvers<string>()
  #current: ServiceProcess | undefined
  #isReady = false
  #loop: Promise<void> | undefined

  constructor(options: SupervisedOptions) {
    this.name = options.service
    this.#options = options
  }

  /** Where it listens; undefined while it does not. */
  get port(): number | undefined {
    return this.#isReady ? this.#current?.port : undefined
  }

  /** Resolves with a sentence and its last lines when it is not started again. */
  get givenUp(): Promise<string> {
    return this.#givenUp.promise
  }

  /** Starts it and resolves once it answers and consumes. @throws when it is given up before */
  async start(): Promise<void> {
    const ready = Promise.withResolvers<void>()
    this.#loop = this.#run(ready.resolve)
    const failure = await Promise.race([ready.promise, this.givenUp])
    if (failure !== undefined) throw new Error(failure)
  }

  /** Ends it in order and for good; true when nothing was broken off. */
  async stop(): Promise<boolean> {
    this.#stopping.abort()
    const how = this.#current?.isRunning === true ? await this.#current.stop() : 0
    await this.#loop
    // Who dies of the signal itself has not begun: a service listens to it before it opens anything.
    const isDone = how === 0 || how === 'SIGTERM'
    if (!isDone)
      this.#options.say(`something under way was broken off (${wordsOf(how)}); see ${this.#options.log.file}`)
    return isDone
  }

  async #run(onReady: () => void): Promise<void> {
    const { signal } = this.#stopping
    const { say, firstPort, log } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const port = await freePortFrom(firstPort)
      if (signal.aborted) return
      const launched = new ServiceProcess({ ...this.#options, port })
      this.#current = launched
      let readyAt: number | undefined
      if (await launched.answering()) {
        readyAt = performance.now()
        this.#isReady = true
        void launched.consuming().then((isConsuming) => {
          if (isConsuming) onReady()
        })
      }
      const how = await launched.ended
      this.#isReady = false
      if (signal.aborted) return
      const sequel = sequelOf({ how, readyMs: readyAt === undefined ? 0 : performance.now() - readyAt }, failures)
      const ended = `${this.name} ended with ${wordsOf(how)}`
      if (sequel.kind === 'give-up') {
        this.#givenUp.resolve([`${ended} and is not started again; ${log.file} ends with:`, ...log.last].join('\n  '))
        return
      }
      failures = sequel.failures
      say(`${ended}, started again ${sequel.afterMs === 0 ? 'at once' : `in ${(sequel.afterMs / 1_000).toFixed(2)} s`}`)
      await delay(sequel.afterMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
