import { setTimeout as pause } from 'node:timers/promises'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@countersign/embedded-postgres'
import type { TestKafka } from '../../instance/kafka-bus.ts'
import { childrenOf } from '../../instance/child-processes.ts'

/** A PostgreSQL that can be killed and comes back on its port. */
export class KillablePostgres {
  readonly #dataDir: string
  #server: EmbeddedPostgres

  private constructor(dataDir: string, server: EmbeddedPostgres) {
    this.#dataDir = dataDir
    this.#server = server
  }

  static async start(dataDir: string): Promise<KillablePostgres> {
    return new KillablePostgres(dataDir, await startEmbeddedPostgres({ dataDir }))
  }

  /** The superuser's URL of a database in it. */
  urlOf(database: string): string {
    const { host, port, superuser, superuserPassword } = this.#server
    return `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}/${database}`
  }

  /** SIGKILL for the server and all its sessions, as a machine that loses power would, but for what is in its page cache. */
  async killAndRestart(downMs: number): Promise<void> {
    const { serverPid, port } = this.#server
    const sessions = childrenOf(serverPid)
    for (const pid of [serverPid, ...sessions.map((session) => session.pid)]) killed(pid)
    await this.#server.exited
    await pause(downMs)
    this.#server = await startEmbeddedPostgres({ dataDir: this.#dataDir, port })
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }
}

const killed = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

export const serviceVictims = ['intake', 'policy', 'notifier', 'ledger', 'lineage-projector', 'relay'] as const
export type Victim = (typeof serviceVictims)[number] | 'broker' | 'postgres'

export type VictimsOptions = {
  /** The process whose children the services are; it starts a killed one again. */
  readonly supervisorPid: number
  readonly broker: TestKafka
  readonly postgres: KillablePostgres
}

/** Kills one; answers whether there was one to kill. Broker and database are back when it resolves. */
export const kill = async (
  victim: Victim,
  downMs: number,
  { supervisorPid, broker, postgres }: VictimsOptions,
): Promise<boolean> => {
  switch (victim) {
    case 'broker':
      await broker.kill()
      await pause(downMs)
      await broker.start()
      return true
    case 'postgres':
      await postgres.killAndRestart(downMs)
      return true
    default: {
      const found = childrenOf(supervisorPid).filter(({ command }) => command.includes(`apps/${victim}/dist/`))
      for (const { pid } of found) killed(pid)
      return found.length > 0
    }
  }
}
