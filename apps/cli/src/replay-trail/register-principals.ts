import { type Http, persist } from '@countersign/client'
import type { RegisterAgentBody } from '@countersign/contracts'

/** Times that a request of a replay is sent at most. */
export const attempts = 30

/** Registers each principal of a trail as an agent, once; those who need the same one share the request. */
export const registrar = ({ call, signal }: { readonly call: Http; readonly signal: AbortSignal }) => {
  const registered = new Map<string, Promise<unknown>>()
  return (agent: RegisterAgentBody): Promise<unknown> => {
    const known = registered.get(agent.name)
    if (known !== undefined) return known
    const asked = persist(() => call('/v1/agents', { method: 'POST', body: agent, signal }), { attempts, signal })
    registered.set(agent.name, asked)
    return asked
  }
}
