import { migrateSchema } from '@countersign/event-store'
import { NotifierDeniedReviews1795334400002 } from './migrations/denied-reviews.ts'
import { NotifierInitial1763683200003 } from './migrations/initial.ts'
import { NotifierPages1795305600002 } from './migrations/pages.ts'
import { NotifierRemovedKeys1795334400001 } from './migrations/removed-keys.ts'
import { NotifierScim1795330800003 } from './migrations/scim.ts'
import { NotifierSecurityKeys1795305600003 } from './migrations/security-keys.ts'

/** Brings notifier's own tables up to date, as the owner of the store. Needs the store's migration before. Idempotent. */
export const migrateNotifier = (ownerUrl: string): Promise<void> =>
  migrateSchema({
    ownerUrl,
    schema: 'notifier',
    migrations: [
      NotifierInitial1763683200003,
      NotifierPages1795305600002,
      NotifierSecurityKeys1795305600003,
      NotifierScim1795330800003,
      NotifierRemovedKeys1795334400001,
      NotifierDeniedReviews1795334400002,
    ],
  })
