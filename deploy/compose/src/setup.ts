import { readFileSync } from 'node:fs'
import type { Secrets } from '@countersign/standalone'

/** What the jobs that set a deployment up have to know; no service gets it. */
export type Setup = {
  /** PostgreSQL as its superuser, with the database that will hold the store. */
  readonly superuserUrl: string
  readonly kafka: {
    readonly brokers: readonly string[]
    readonly adminPassword: string
    readonly producers: readonly string[]
  }
  readonly secrets: Pick<Secrets, 'rolePasswords' | 'clientSecrets' | 'passwords'>
}

/** Reads what `make-secrets` wrote. */
export const readSetup = (file: string): Setup => JSON.parse(readFileSync(file, 'utf8')) as Setup
