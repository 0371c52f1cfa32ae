import type { Adapter, AdapterPayload } from 'oidc-provider'

type Entry = { payload: AdapterPayload; expiresAt: number }

/** Sessions, codes and grants of one provider, in memory: gone with the process, which for a stand-in is right. */
export function memoryAdapter(): (model: string) => Adapter {
  const models = new Map<string, Map<string, Entry>>()

  return (model) => {
    const entries = models.get(model) ?? new Map<string, Entry>()
    models.set(model, entries)
    const live = (id: string) => {
      const entry = entries.get(id)
      if (entry && entry.expiresAt > Date.now()) return entry.payload
      entries.delete(id)
      return undefined
    }
    const findBy = (field: 'uid' | 'userCode', value: string) => {
      for (const [id, { payload }] of entries) if (payload[field] === value) return live(id)
      return undefined
    }
    return {
      upsert: async (id, payload, expiresIn) => {
        for (const [other, { expiresAt }] of entries) if (expiresAt <= Date.now()) entries.delete(other)
        entries.set(id, { payload, expiresAt: expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000 })
      },
      find: async (id) => live(id),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (userCode) => findBy('userCode', userCode),
      consume: async (id) => {
        const payload = live(id)
        if (payload) payload.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => void entries.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, { payload }] of entries) if (payload.grantId === grantId) entries.delete(id)
      },
    }
  }
}
