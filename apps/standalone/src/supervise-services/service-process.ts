import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { consumersCheck, type Environment } from '@countersign/service-kit'
import { readReport } from '../serve-front/readiness.ts'
import type { ServiceName } from '../start-services/settings-of-services.ts'
import { programOfService } from './program-of-service.ts'
import type { ServiceLog } from './service-log.ts'

const endWithParent = new URL('./end-with-parent.js', import.meta.url).href

/** Of our own environment a service gets only what its runtime needs: settings and secrets of others are none of its business. */
const ofTheRuntime = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SystemRoot'] as const

const pollMs = 40
const stopsWithinMs = 20_000

export type LaunchOptions = {
  readonly service: ServiceName
  readonly port: number
  readonly environment: Environment
  readonly log: ServiceLog
  /** More arguments for node itself. */
  readonly nodeArguments: readonly string[]
}

/**
 * V8 lets its young generation grow to three times this and gives nothing back: some 30 MiB of each service that does nothing.
 */
const smallYoungGeneration = '--max-semi-space-size=4'
/** Threads that compile and collect garbage, for a heap of 25 MiB; each of V8's four keeps some 8 MiB of what it was given. */
const fewThreads = '--v8-pool-size=2'

/**
 * glibc raises these limits by itself and then keeps what was freed: compiling Cedar's WebAssembly left 40 MiB with policy.
 * Other libraries know neither name.
 */
const givesMemoryBack = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' } as const

/** One run of a service as a process: from its start to its end. */
export class ServiceProcess {
  readonly port: number
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  readonly #killWithUs = (): void => {
    this.#child.kill('SIGKILL')
  }

  constructor({ service, port, environment, log, nodeArguments }: LaunchOptions) {
    this.port = port
    const inherited = Object.fromEntries(
      ofTheRuntime.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    )
    this.#child = spawn(
      process.execPath,
      [smallYoungGeneration, fewThreads, ...nodeArguments, '--import', endWithParent, programOfService(service)],
      {
        env: { ...inherited, ...givesMemoryBack, ...environment, HTTP_PORT: String(port) },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        // A process group of its own: Ctrl-C reaches only us, and we stop it in order.
        detached: true,
      },
    )
    for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream) log.take(stream)
    process.once('exit', this.#killWithUs)
    this.ended = once(this.#child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
      process.off('exit', this.#killWithUs)
      return code ?? signal ?? 1
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** True once it answers; false when it ends before. */
  answering(): Promise<boolean> {
    return this.#until(async () => {
      const response = await fetch(`http://127.0.0.1:${this.port}/healthz`)
      await response.arrayBuffer()
      return response.ok
    })
  }

  /** True once it consumes from the bus, too; false when it ends before. */
  consuming(): Promise<boolean> {
    return this.#until(async () => {
      const report = await readReport(this.port)
      return report?.checks.every(({ name, status }) => name !== consumersCheck || status === 'ok') === true
    })
  }

  async #until(holds: () => Promise<boolean>): Promise<boolean> {
    while (this.isRunning) {
      // One that does not answer, or breaks off, is asked again.
      if (await holds().catch(() => false)) return true
      await delay(pollMs)
    }
    return false
  }

  /** Ends it in order, or at once when that takes too long; resolves with how it ended, 0 when nothing was broken off. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopsWithinMs)
    const how = await this.ended
    clearTimeout(timer)
    return how
  }
}
