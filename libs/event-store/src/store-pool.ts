import pg from 'pg'

/**
 * Statements of services are look-ups by index of a few rows, run over and over. Planning one costs more than running it:
 * left to itself PostgreSQL plans those with arrays anew each time, since it takes an array that it does not know for ten
 * elements. So a plan is made once for each connection, and because the tables may be empty at that moment and grow, it may
 * be nothing but index look-ups.
 *
 * Where a statement looks up many keys at once, it does so in a lateral select with `offset 0`: as a plain join such a plan
 * may read all rows of a tenant instead, by the tenant that row security names.
 */
const plans = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'jit=off',
]

export type StorePoolOptions = {
  readonly connectionString: string
  /** Most connections. */
  readonly max: number
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** A transaction in which nothing happens for so long is ended by the server; without it, never. */
  readonly idleInTransactionMs?: number
}

/** The address without its `options`, which `pg` would take instead of ours, and these. */
const withoutOptions = (
  connectionString: string,
): { readonly address: string; readonly options: readonly string[] } => {
  const [address = '', ...query] = connectionString.split('?')
  const parameters = new URLSearchParams(query.join('?'))
  const options = parameters.getAll('options')
  if (options.length === 0) return { address: connectionString, options }
  parameters.delete('options')
  return { address: `${address}?${parameters.toString()}`, options }
}

/**
 * Connections of a service that decides on the store. The caller listens for `error` and ends it. Settings that the
 * connection string names in `options` hold beside those above, and before one of the same name.
 */
export const storePool = (settings: StorePoolOptions): pg.Pool => {
  const { max, applicationName, idleInTransactionMs } = settings
  const { address, options } = withoutOptions(settings.connectionString)
  return new pg.Pool({
    connectionString: address,
    max,
    application_name: applicationName,
    // What does not wait for an answer goes out at once: a round trip costs both sides more than most statements.
    pipeline: true,
    ...(idleInTransactionMs === undefined ? {} : { idle_in_transaction_session_timeout: idleInTransactionMs }),
    options: [...plans.map((setting) => `-c ${setting}`), ...options].join(' '),
  })
}
