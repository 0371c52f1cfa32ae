import { join } from 'node:path'

/** Where jars and what is made of them are kept between runs: `KAFKA_CACHE_DIR`, else below the data folder here. */
export const defaultCacheDir = (): string =>
  process.env.KAFKA_CACHE_DIR ?? join(import.meta.dirname, '../../..', '.countersign', 'kafka', 'cache')
