type CheckOutcome = 'ok' | 'failing'

/** What follows when a check fails: the service can no longer do its work, or it works with less. */
export type CheckEffect = 'not_ready' | 'degraded'

export type HealthCheck = {
  /** Snake_case, stable: operators alert on it. */
  readonly name: string
  readonly effect: CheckEffect
  /** Resolves to a snake_case code of what is wrong, or to undefined when all is well. A throw counts as failing. */
  readonly probe: () => Promise<string | undefined> | string | undefined
}

export type CheckReport = {
  readonly name: string
  readonly status: CheckOutcome
  /** When the check last changed its status, ISO 8601. */
  readonly since: string
  readonly code?: string
}

export type HealthReport = {
  readonly status: 'ready' | 'degraded' | 'not_ready'
  readonly checks: readonly CheckReport[]
}

type Entry = { readonly check: HealthCheck; last?: CheckReport }

const probeTimeoutMs = 2_000

const withTimeout = async (check: HealthCheck): Promise<string | undefined> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('timeout'), probeTimeoutMs)
  try {
    return await Promise.race([Promise.resolve(check.probe()), promise])
  } catch {
    // The error's text may hold addresses and credentials; whoever needs it finds it in the log of the component.
    return 'probe_failed'
  } finally {
    clearTimeout(timer)
  }
}

const snakeCase = /^[a-z][a-z0-9_]{0,63}$/

/** The named checks behind `/readyz`. Reports are at most `maxAgeMs` old, so probing costs little. */
export class HealthChecks {
  readonly #entries: Entry[] = []
  readonly #maxAgeMs: number
  readonly #now: () => number
  #report: { readonly at: number; readonly report: Promise<HealthReport> } | undefined

  constructor({ maxAgeMs = 1_000, now = Date.now }: { readonly maxAgeMs?: number; readonly now?: () => number } = {}) {
    this.#maxAgeMs = maxAgeMs
    this.#now = now
  }

  register(check: HealthCheck): void {
    if (this.#entries.some((entry) => entry.check.name === check.name)) {
      throw new Error(`health check ${check.name} is registered twice`)
    }
    this.#entries.push({ check })
    this.#report = undefined
  }

  /** What is known is out of date: the next report is a new one. */
  forget(): void {
    this.#report = undefined
  }

  /** Runs all checks, or returns the last report while it is fresh. */
  async report(): Promise<HealthReport> {
    const now = this.#now()
    if (this.#report === undefined || now - this.#report.at >= this.#maxAgeMs) {
      this.#report = { at: now, report: this.#probeAll() }
    }
    return this.#report.report
  }

  async #probeAll(): Promise<HealthReport> {
    const checks = await Promise.all(this.#entries.map((entry) => this.#probe(entry)))
    const failing = this.#entries.filter((_, index) => checks[index]?.status === 'failing')
    const isNotReady = failing.some(({ check }) => check.effect === 'not_ready')
    return { status: isNotReady ? 'not_ready' : failing.length > 0 ? 'degraded' : 'ready', checks }
  }

  async #probe(entry: Entry): Promise<CheckReport> {
    const problem = await withTimeout(entry.check)
    const status = problem === undefined ? 'ok' : 'failing'
    const since = entry.last?.status === status ? entry.last.since : new Date(this.#now()).toISOString()
    const code = problem === undefined || snakeCase.test(problem) ? problem : 'probe_failed'
    entry.last = { name: entry.check.name, status, since, ...(code === undefined ? {} : { code }) }
    return entry.last
  }
}
