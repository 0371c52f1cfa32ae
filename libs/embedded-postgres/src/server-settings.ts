/** Name of the superuser of every embedded cluster. */
export const SUPERUSER = 'postgres'

/**
 * Given on the command line at each start, so that they hold for clusters of older versions and edited files too. The
 * durable ones are PostgreSQL's defaults; they are named because the ledger's promises rest on them.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  log_timezone: 'UTC',
  timezone: 'UTC',
}

/** Enough for one product. */
export const defaultConnections = 100

export type ServerLimits = { readonly port: number; readonly maxConnections: number }

/** Arguments of `postgres` for a cluster folder. */
export function serverArguments(cluster: string, { port, maxConnections }: ServerLimits): string[] {
  return [
    '-D',
    cluster,
    '-p',
    String(port),
    '-c',
    `max_connections=${maxConnections}`,
    ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

/** A small environment: PG* variables of the caller's shell must not change the server. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP } = process.env
  return { PATH, SystemRoot, TEMP, LC_ALL: 'C', TZ: 'UTC' }
}
