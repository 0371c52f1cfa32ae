import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { HealthReport } from '@countersign/service-kit'
import { until } from './until.ts'

const programOf = (app: App): string => fileURLToPath(new URL(`../../../apps/${app}/dist/main.js`, import.meta.url))

/** Services that a test or a measurement starts by themselves. */
export type App = 'intake' | 'notifier' | 'policy' | 'relay'

/** A built service as a process of its own, that can be frozen and killed. */
export class ServiceProcess {
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

  /** Starts `node apps/APP/dist/main.js` with these settings and resolves once it says that it is ready. */
  static async start(app: App, settings: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const { PATH = '' } = process.env
    const env = { PATH, HTTP_PORT: '0', LOG_LEVEL: 'info', ...settings }
    const service = new ServiceProcess(
      spawn(process.execPath, [programOf(app)], { stdio: ['ignore', 'pipe', 'pipe'], env }),
    )
    const what = `the service ${app}`
    try {
      await until(async () => service.#url() !== undefined || !service.isRunning, { what, withinMs: 60_000 })
      if (!service.isRunning) throw new Error(`${what} ended`)
      return service
    } catch (error) {
      await service.kill()
      throw new Error(`${what} did not start:\n${service.output.slice(-2_000)}`, { cause: error })
    }
  }

  get output(): string {
    return this.#written.join('')
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What a check of its readiness says; undefined when nothing is wrong with it. */
  async trouble(check: string): Promise<string | undefined> {
    const answer = await fetch(`${this.#url()}/readyz`)
    const { checks } = (await answer.json()) as HealthReport
    return checks.find(({ name }) => name === check)?.code
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
