import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BusName } from './bus.ts'

const mains: Readonly<Record<BusName, string>> = { postgres: 'main.js', kafka: 'services-main.js' }

/** What is started on each bus: everything in one process, or a process for each service. */
export const programOf = (bus: BusName): string =>
  fileURLToPath(new URL(`../../../apps/standalone/dist/${mains[bus]}`, import.meta.url))
const startsWithinMs = 180_000
const stopsWithinMs = 60_000

export type ProcessOptions = {
  readonly dataDir: string
  readonly port: number
  readonly logLevel: 'warn' | 'info' | 'debug' | 'trace'
  readonly bus: BusName
  /** More variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** More arguments for its command line. */
  readonly more?: readonly string[]
}

/** The built product as a process of its own, with everything it wrote. */
export class ProductProcess {
  readonly #child: ChildProcess
  readonly #written: string[] = []
  readonly #killWithUs = (): void => {
    this.#child.kill('SIGTERM')
  }
  readonly #ended: Promise<number | string>

  readonly #logs: string

  private constructor(child: ChildProcess, dataDir: string) {
    this.#child = child
    this.#logs = join(dataDir, 'logs')
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#written.push(text))
    }
    process.once('exit', this.#killWithUs)
    this.#ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => {
      process.off('exit', this.#killWithUs)
      return code ?? signal ?? 'unknown'
    })
  }

  /** Starts what `npm start` or `npm run services` starts and resolves once it says that it is ready. */
  static async start(options: ProcessOptions): Promise<ProductProcess> {
    const { dataDir, port, logLevel, bus, environment = {}, more = [] } = options
    const child = spawn(
      process.execPath,
      [programOf(bus), '--data-dir', dataDir, '--port', String(port), '--log-level', logLevel, ...more],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', DATABASE_URL: '', ...environment },
      },
    )
    const product = new ProductProcess(child, dataDir)
    try {
      await product.#ready()
      return product
    } catch (error) {
      await product.stop().catch(() => undefined)
      throw error
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Everything that it wrote to standard output and error so far. */
  get output(): string {
    return this.#written.join('')
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Stops it as Ctrl-C does. @throws when it does not end, or ends with another exit code than 0 */
  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGINT')
    const outcome = await Promise.race([this.#ended, this.#after(stopsWithinMs)])
    if (outcome === 0) return
    this.#child.kill('SIGKILL')
    throw new Error(`the product ended with ${outcome ?? 'nothing in time'}:\n${this.#tail()}`)
  }

  async #ready(): Promise<void> {
    const spoken = new Promise<'ready'>((resolve) => {
      const look = (): void => {
        if (!this.output.includes('Countersign is ready')) return
        this.#child.stdout?.off('data', look)
        resolve('ready')
      }
      this.#child.stdout?.on('data', look)
    })
    const outcome = await Promise.race([spoken, this.#ended, this.#after(startsWithinMs)])
    if (outcome !== 'ready') throw new Error(`the product did not start (${outcome ?? 'in time'}):\n${this.#tail()}`)
  }

  #after(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      setTimeout(() => resolve(undefined), ms).unref()
    })
  }

  /** The end of what it wrote and of each service's log, which are gone with the data when the test is over. */
  #tail(): string {
    const written = this.output.split('\n').slice(-40).join('\n')
    const logs = this.#services().map((file) => {
      const lines = readFileSync(join(this.#logs, file), 'utf8').trimEnd().split('\n')
      return `${file}:\n${lines.slice(-12).join('\n')}`
    })
    return [written, ...logs].join('\n')
  }

  #services(): string[] {
    try {
      return readdirSync(this.#logs).filter((file) => file.endsWith('.log'))
    } catch {
      return []
    }
  }
}
