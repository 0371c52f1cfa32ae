import { readdir, readFile } from 'node:fs/promises'

/** Ticks of `/proc`'s clocks in a second, on every Linux that Node runs on. */
const ticks = 100

type Times = { readonly parent: number; readonly own: number; readonly waited: number }

const timesOf = async (pid: number | string): Promise<Times | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // Fields after the program's name, which may hold anything: state, ppid, ... utime is the 14th of all, cstime the 17th.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
  return { parent, own: user + system, waited: childUser + childSystem }
}

export const childrenOf = async (pid: number): Promise<number[]> => {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(names.map(async (name) => ((await timesOf(name))?.parent === pid ? Number(name) : 0)))
  return found.filter((child) => child > 0)
}

/** CPU time of a process so far, ms; undefined where the system does not tell. */
export const cpuMsOf = async (pid: number): Promise<number | undefined> => {
  const times = await timesOf(pid)
  return times === undefined ? undefined : (times.own / ticks) * 1_000
}

/** CPU time of a server and of all its children, those that have ended included, ms. */
export const cpuMsOfServer = async (pid: number): Promise<number | undefined> => {
  const server = await timesOf(pid)
  if (server === undefined) return undefined
  const children = await Promise.all((await childrenOf(pid)).map(timesOf))
  const sum = children.reduce((total, child) => total + (child?.own ?? 0), server.own + server.waited)
  return (sum / ticks) * 1_000
}

/** Resident memory of a process, MiB; undefined where the system does not tell. */
export const residentMiB = async (pid: number): Promise<number | undefined> =>
  mebi(await kilobytes(`/proc/${pid}/status`, 'VmRSS'))

const kilobytes = async (path: string, field: string): Promise<number | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

export type Memory = {
  /** Resident memory of the product's process now and at most, MiB. */
  readonly productMiB: number | undefined
  readonly productPeakMiB: number | undefined
  /** Of PostgreSQL with all its processes, shared pages counted once (proportional set size), MiB. */
  readonly postgresMiB: number | undefined
}

const mebi = (kib: number | undefined): number | undefined => (kib === undefined ? undefined : round(kib / 1_024, 1))

export const memoryOf = async (productPid: number, serverPid: number): Promise<Memory> => {
  const pids = [serverPid, ...(await childrenOf(serverPid))]
  const shares = await Promise.all(pids.map((pid) => kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss')))
  const known = shares.filter((share) => share !== undefined)
  return {
    productMiB: mebi(await kilobytes(`/proc/${productPid}/status`, 'VmRSS')),
    productPeakMiB: mebi(await kilobytes(`/proc/${productPid}/status`, 'VmHWM')),
    postgresMiB: known.length === 0 ? undefined : mebi(known.reduce((sum, share) => sum + share, 0)),
  }
}

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** The value below which this share of the sorted values lies (nearest rank). */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN

export type Spread = {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: readonly number[]
}

export const spreadOf = (values: readonly number[], digits = 2): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: round(percentile(sorted, 0.5), digits),
    min: round(sorted[0] ?? Number.NaN, digits),
    max: round(sorted.at(-1) ?? Number.NaN, digits),
    rounds: values.map((value) => round(value, digits)),
  }
}

/** What a piece of work cost. CPU is undefined where the system does not tell it. */
export type Cost = {
  readonly count: number
  readonly wallMs: number
  readonly perSecond: number
  readonly wallUs: number
  readonly nodeCpuUs: number | undefined
  readonly postgresCpuUs: number | undefined
}

export type CpuClocks = {
  readonly node: () => Promise<number | undefined>
  readonly postgres: () => Promise<number | undefined>
}

/** Wall time and CPU of `work`, per piece of what it says it did. */
export const costOf = async (clocks: CpuClocks, work: () => Promise<number>): Promise<Cost> => {
  const [node, postgres] = [await clocks.node(), await clocks.postgres()]
  const began = performance.now()
  const count = await work()
  const wallMs = performance.now() - began
  const each = (before: number | undefined, after: number | undefined): number | undefined =>
    before === undefined || after === undefined ? undefined : round(((after - before) * 1_000) / count, 1)
  return {
    count,
    wallMs: round(wallMs, 1),
    perSecond: round((count * 1_000) / wallMs, 1),
    wallUs: round((wallMs * 1_000) / count, 1),
    nodeCpuUs: each(node, await clocks.node()),
    postgresCpuUs: each(postgres, await clocks.postgres()),
  }
}

/** CPU time of this process so far, its helper threads included, ms. */
export const cpuMsNow = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

export const ownCpuMs = async (): Promise<number> => cpuMsNow()
