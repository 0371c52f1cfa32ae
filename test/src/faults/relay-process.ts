import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { HealthReport } from '@countersign/service-kit'
import { until } from '../instance/until.ts'

const main = fileURLToPath(new URL('../../../apps/relay/dist/main.js', import.meta.url))

/** The built relay as a process of its own, that can be frozen and killed. */
export class RelayProcess {
  readonly #child: ChildProcess
  readonly #written: string[] = []
  readonly #exited: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.#written.push(text))
    this.#exited = once(child, 'exit')
    // One that is frozen does not hear anything else.
    const killWithUs = (): void => void child.kill('SIGKILL')
    process.once('exit', killWithUs)
    void this.#exited.then(() => process.off('exit', killWithUs))
  }

  /** Starts `node apps/relay/dist/main.js` with these settings and resolves once it says that it is ready. */
  static async start(settings: Readonly<Record<string, string>>): Promise<RelayProcess> {
    const { PATH = '' } = process.env
    const env = { PATH, HTTP_PORT: '0', LOG_LEVEL: 'info', ...settings }
    const relay = new RelayProcess(spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'pipe'], env }))
    try {
      await until(async () => relay.#url() !== undefined || !relay.isRunning, { what: 'the relay', withinMs: 60_000 })
      if (!relay.isRunning) throw new Error('the relay did not start')
      return relay
    } catch (error) {
      await relay.kill()
      throw new Error(`the relay did not start:\n${relay.output.slice(-2_000)}`, { cause: error })
    }
  }

  get output(): string {
    return this.#written.join('')
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Why it does not publish, as its readiness has it. */
  async trouble(): Promise<string | undefined> {
    const answer = await fetch(`${this.#url()}/readyz`)
    const { checks } = (await answer.json()) as HealthReport
    return checks.find(({ name }) => name === 'publish_events')?.code
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** Ends it as a lost machine does, frozen or not. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGTERM')
    await this.#exited
  }

  #url(): string | undefined {
    return /"url":"(http:[^"]+)"/.exec(this.output)?.[1]
  }
}
