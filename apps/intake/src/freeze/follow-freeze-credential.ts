import { existsSync, readFileSync } from 'node:fs'
import { freezeCredentialHashOf, isFreezeCredential } from '@countersign/identity'
import { FollowedFiles, type Log } from '@countersign/service-kit'

/** Tells whether an Authorization header holds the freeze credential of now. */
export type HoldsFreezeCredential = (authorization: string | undefined) => boolean

/**
 * The freeze credential by the hash in a file, followed: a new one counts at once, the former or a withdrawn one no more within
 * a second, without a start. A file that is gone withdraws it; one that holds something else changes nothing and is
 * logged, because whoever needs to stop something must not be kept from it by a slip. Without a file nobody holds it.
 * @throws when the file cannot be used now
 */
export const followFreezeCredential = (
  file: string | undefined,
  log: Pick<Log, 'info' | 'warn'>,
): HoldsFreezeCredential => {
  if (file === undefined) return () => false
  const followed = new FollowedFiles([file])
  let stored = freezeCredentialHashOf(readFileSync(file, 'utf8'))
  const look = (how?: { readonly now: boolean }): boolean => {
    if (!followed.changed(how)) return false
    try {
      stored = existsSync(file) ? freezeCredentialHashOf(readFileSync(file, 'utf8')) : undefined
      log.info({ isWithdrawn: stored === undefined }, 'the freeze credential was read again')
      return true
    } catch (error) {
      log.warn({ err: error }, 'the freeze credential could not be read again, that of before stays')
      return false
    }
  }
  return (authorization) => {
    look()
    return (
      isFreezeCredential(authorization, stored) || (look({ now: true }) && isFreezeCredential(authorization, stored))
    )
  }
}
