/** Command of `POST /v1/intents`: its refusals have an event type of their own. */
export const publishCommand = 'publish_intent'

/** Command of `POST /v1/executions` and of execution reports on the bus. */
export const reportCommand = 'report_execution'

const id = '[^/]+'

/** Commands by method and path. Reads are not here: they change nothing, and whoever may not read learns nothing. */
const commands: readonly (readonly [method: string, path: RegExp, command: string])[] = [
  ['POST', /^\/v1\/intents$/, publishCommand],
  ['POST', new RegExp(`^/v1/intents/${id}/withdraw$`), 'withdraw_intent'],
  ['POST', new RegExp(`^/v1/intents/${id}/grant$`), 'collect_grant'],
  ['POST', new RegExp(`^/v1/grants/${id}/redeem$`), 'redeem_grant'],
  ['POST', new RegExp(`^/v1/grants/${id}/revoke$`), 'revoke_grant'],
  ['POST', new RegExp(`^/v1/grants/${id}/reconcile$`), 'reconcile_execution'],
  ['POST', /^\/v1\/executions$/, reportCommand],
  ['POST', /^\/v1\/agents$/, 'register_agent'],
  ['POST', /^\/v1\/(agents|producers)\/register$/, 'change_register'],
  ['POST', /^\/v1\/(agents|producers)\/remove$/, 'remove_from_register'],
  ['POST', /^\/v1\/(agents|producers)\/review$/, 'review_register'],
  ['POST', /^\/v1\/freezes$/, 'freeze'],
  ['POST', /^\/v1\/quarantine\/redrive$/, 'redrive_quarantined'],
  // A read like no other: what it shows is sealed.
  ['GET', new RegExp(`^/v1/quarantine/${id}/content$`), 'open_quarantined'],
  ['POST', /^\/v1\/parked\/redrive$/, 'redrive_parked'],
  ['DELETE', new RegExp(`^/v1/freezes/${id}$`), 'unfreeze'],
  ['POST', new RegExp(`^/v1/freezes/${id}/unfreeze$`), 'unfreeze'],
  ['POST', /^\/v1\/store\/adopt$/, 'adopt_store'],
  ['POST', new RegExp(`^/v1/store/logs/${id}/continue$`), 'continue_log'],
  ['POST', /^\/v1\/broker-refusals$/, 'record_broker_refusals'],
]

/** Name of the command that a request asks for, snake_case; undefined for reads and unknown paths. */
export const commandOf = (method: string, url: string): string | undefined => {
  const path = routedPath(url)
  return path === undefined
    ? undefined
    : commands.find(([wanted, pattern]) => wanted === method && pattern.test(path))?.[2]
}

/** The path as the router reads it: percent-decoded, without query and fragment. */
const routedPath = (url: string): string | undefined => {
  try {
    return decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '')
  } catch {
    return undefined
  }
}
