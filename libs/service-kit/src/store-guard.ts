import { type MarkFolder, markFolder, type StoreGuard, storeGuard } from '@countersign/event-store'
import type pg from 'pg'
import { Type } from 'typebox'
import type { ServiceContext } from './build-service.ts'
import { secretSetting } from './config-schema.ts'
import type { Secret } from './secret.ts'

/** Where the mark of what was published is; part of the schema of the relay and of every service that appends. */
export const storeMarkSettings = {
  STORE_MARK_DIR: Type.String({
    description:
      'Folder outside of the database, shared by the relay and all who append, that remembers what was published; it must outlive restores',
  }),
  STORE_MARK_KEY: secretSetting({
    description: 'Key that signs what is in STORE_MARK_DIR, base64url; the same for all',
    minLength: 43,
  }),
}

/** What `storeMarkSettings` read. */
export type StoreMarkConfig = { readonly STORE_MARK_DIR: string; readonly STORE_MARK_KEY: Secret }

/**
 * Holds the store against its mark, now and from now on. Doubt is an alarm in the log and a degraded check: a service goes on
 * serving reads, whatever it does else is refused by its event store.
 */
export const openStoreGuard = async (
  { config, log, checks }: Pick<ServiceContext<StoreMarkConfig>, 'config' | 'log' | 'checks'>,
  { pool, writer }: { readonly pool: pg.Pool; readonly writer: string },
): Promise<{ readonly marks: MarkFolder; readonly guard: StoreGuard }> => {
  const key = Buffer.from(config.STORE_MARK_KEY.reveal(), 'base64url')
  const marks = markFolder(config.STORE_MARK_DIR, { key, writer })
  const guard = storeGuard({
    marks,
    onChange: (doubt) => {
      if (doubt === undefined) log.info({ doubt: null }, 'the store is the one that was published from')
      else
        log.error({ doubt }, 'the store may have been restored or replaced: it serves only reads until it is adopted')
    },
  })
  checks.register({ name: 'store_mark', effect: 'degraded', probe: () => guard.doubt(pool) })
  await guard.doubt(pool)
  return { marks, guard }
}
