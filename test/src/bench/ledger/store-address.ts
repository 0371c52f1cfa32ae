import { type CpuClocks, cpuMsOfServer, ownCpuMs } from '../measure.ts'
import type { OpenedStore } from '../opened-store.ts'

/** Where a side in a process of its own finds the store that the bench holds open. */
export type StoreAddress = {
  readonly ledgerUrl: string
  readonly superuserUrl: string
  readonly serverPid: number
  /** File of the key that signs heads, and the folder that they are marked in. */
  readonly logKeyFile: string
  readonly publishedFolder: string
  readonly rowsPerCommit: number
}

export const addressOf = (store: OpenedStore, at: { dataDir: string; rowsPerCommit: number }): StoreAddress => ({
  ledgerUrl: store.urlOf('ledger'),
  superuserUrl: store.superuserUrl,
  serverPid: store.serverPid,
  logKeyFile: store.key('log.pem'),
  publishedFolder: `${at.dataDir}/published`,
  rowsPerCommit: at.rowsPerCommit,
})

/** CPU of this process and of the database's, which works for one side at a time. */
export const clocksOf = ({ serverPid }: StoreAddress): CpuClocks => ({
  node: ownCpuMs,
  postgres: () => cpuMsOfServer(serverPid),
})
