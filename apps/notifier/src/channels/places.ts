import type { Places } from './channel.ts'

/** Places from `tenant id=channel id` entries; a tenant may have several channels. */
export const placesFrom = (slackChannels: readonly string[]): Places => {
  const byTenant = new Map<string, { channel: 'slack'; place: string }[]>()
  for (const entry of slackChannels) {
    const [tenantId = '', place = ''] = entry.split('=')
    byTenant.set(tenantId, [...(byTenant.get(tenantId) ?? []), { channel: 'slack', place }])
  }
  return { of: (tenantId) => byTenant.get(tenantId) ?? [] }
}
