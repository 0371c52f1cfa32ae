import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SideName } from './main.ts'
import type { Round } from './side.ts'

export type Question = { readonly id: number; readonly input: unknown }
export type Answer = { readonly id: number; readonly round?: Round; readonly error?: string }

const main = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))

/** A side that has not ended its round by then never will: it is killed and the bench fails. */
const longestRoundMs = 120_000

/** A side in its own process: its heap, its compiled code and its CPU are not the other side's. */
export type SideProcess = {
  readonly pid: number
  round(input: unknown): Promise<Round>
  close(): Promise<void>
}

/** Starts sides together and resolves when all are open. @throws when one is not, after the others are closed again */
export const startSides = async <Name extends SideName>(
  sides: Readonly<Record<Name, unknown>>,
): Promise<Record<Name, SideProcess> & { closeAll(): Promise<void> }> => {
  const names = Object.keys(sides) as Name[]
  const started = await Promise.allSettled(names.map((name) => startSide(name, sides[name])))
  const open = started.flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []))
  const closeAll = async (): Promise<void> => {
    await Promise.all(open.map((side) => side.close()))
  }
  const failed = started.find((side) => side.status === 'rejected')
  if (failed !== undefined) {
    await closeAll()
    throw failed.reason
  }
  return { ...(Object.fromEntries(names.map((name, at) => [name, open[at]])) as Record<Name, SideProcess>), closeAll }
}

const startSide = async (name: SideName, options: unknown): Promise<SideProcess> => {
  const child = fork(main, [name, JSON.stringify(options)], { env: { ...process.env, NODE_ENV: 'production' } })
  const atExit = (): void => void child.kill('SIGKILL')
  process.once('exit', atExit)
  const exited = once(child, 'exit').then(() => process.off('exit', atExit))
  let last = 0
  const ask = async (input: unknown): Promise<Round> => {
    last += 1
    const id = last
    child.send({ id, input } satisfies Question)
    const tooLong = setTimeout(() => child.kill('SIGKILL'), longestRoundMs)
    const { round } = await answerTo(child, id).finally(() => clearTimeout(tooLong))
    if (round === undefined) throw new Error(`${name} answered without a round`)
    return round
  }
  await answerTo(child, 0)
  return {
    pid: child.pid ?? 0,
    round: ask,
    close: async () => {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

const answerTo = (child: ChildProcess, id: number): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const onMessage = (answer: Answer): void => {
    if (answer.id !== id) return
    if (answer.error === undefined) resolve(answer)
    else reject(new Error(answer.error))
  }
  const onExit = (code: number | null, signal: string | null): void =>
    reject(new Error(`a side of the bench ended with ${code ?? signal}`))
  child.on('message', onMessage).once('exit', onExit)
  return promise.finally(() => child.off('message', onMessage).off('exit', onExit))
}
