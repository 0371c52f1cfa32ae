import { readdirSync, readFileSync } from 'node:fs'

export type ChildProcess = { readonly pid: number; readonly command: string }

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Processes that the process started and that still run, by /proc; none where there is no /proc. */
export const childrenOf = (pid: number): readonly ChildProcess[] => {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number))
      .map((child) => ({ pid: child, command: read(`/proc/${child}/cmdline`) }))
  } catch {
    return []
  }
}
