import { countersign, http, type Http } from '@countersign/client'
import { Failure } from '../exit-codes.ts'
import type { Credentials, DemoPerson } from '../find-deployment/credentials.ts'
import type { Deployment } from '../find-deployment/deployment.ts'
import { plain, span } from '../print/words.ts'
import type { Neighbourhood } from '../read-evidence/lineage.command.ts'
import type { Terminal } from '../terminal.ts'
import { askToDelete, askToExport, askToRead, model } from './ask-for-actions.ts'
import { type DemoWorld, notYet, type Reached, sayOn, until } from './demo-world.ts'
import type { Fault } from './faults.ts'
import { ownerClicks, secondPersonApproves, seeCard } from './review-in-slack.ts'
import { auditEnd, showAuditRows, showLineage, showProof } from './show-evidence.ts'
import { slackPage } from './slack-page.ts'
import { tamper } from './tamper.ts'
import { useGrant } from './use-grant.ts'
import { whyStopped } from './why-stopped.ts'

export type DemoOptions = {
  readonly deployment: Deployment
  readonly credentials: Credentials
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly fault: Fault | undefined
}

/** Who takes part, each with calls of their own over public HTTP. */
const worldOf = ({ deployment, credentials, terminal, signal, fault }: DemoOptions): DemoWorld => {
  const { baseUrl } = deployment
  const agent = deployment.agentNamed(undefined)
  const agentToken = deployment.agentToken(agent)
  const person = (name: string): DemoPerson & { call: Http } => {
    const found = credentials.people[name]
    if (found === undefined) throw new Failure(`the instance has no demo person ${name}`)
    return { ...found, call: http(baseUrl, deployment.personToken(name)) }
  }
  const reached: Reached = { at: Date.now(), intentId: undefined }
  const benToken = deployment.personToken('ben')
  return {
    credentials,
    agent,
    client: countersign({ baseUrl, token: agentToken }),
    callAsAgent: http(baseUrl, agentToken),
    dana: person('dana'),
    ben: {
      ...person('ben'),
      call: http(baseUrl, benToken),
      fetch: async (path) => bytesAt(baseUrl, path, await benToken()),
    },
    slack: slackPage(credentials.slackUrl),
    fault,
    signal,
    reached,
    say: sayOn(terminal, reached),
  }
}

const bytesAt = async (baseUrl: string, path: string, token: string): Promise<Buffer> => {
  const answer = await fetch(`${baseUrl}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  })
  if (!answer.ok) throw new Failure(`the ledger answered ${answer.status}`)
  return Buffer.from(await answer.arrayBuffer())
}

/** Who the directory says owns the agent, by the lineage graph. */
const ownerOf = (world: DemoWorld): Promise<string> =>
  until(
    'the owner of the agent',
    async () => {
      const path = `/v1/lineage/agent/${encodeURIComponent(world.agent)}?depth=1`
      const graph = await world.dana.call<Neighbourhood>(path, { signal: world.signal }).catch(notYet)
      const owns = graph?.edges.find(({ kind, to }) => kind === 'owns' && to === graph.start)
      const owner = graph?.nodes.find(({ id }) => id === owns?.from)
      return owner?.label
    },
    { signal: world.signal },
  )

/**
 * Plays the whole path against a running instance: three actions, a human decision, a grant used once, the evidence and its
 * defence. Every line is printed after it happened. Resolves with the id of the trace of the export.
 * @throws Failure as soon as something is not as it should be; it names the refusal that was met, where one was
 */
export const playDemo = async (options: DemoOptions, startedInMs: number | undefined): Promise<{ traceId: string }> => {
  const world = worldOf(options)
  try {
    return await play(world, options.terminal, startedInMs)
  } catch (error) {
    throw await whyStopped(error, world)
  }
}

const play = async (
  world: DemoWorld,
  terminal: Terminal,
  startedInMs: number | undefined,
): Promise<{ traceId: string }> => {
  const after = await auditEnd(world)
  const owner = await ownerOf(world)
  const ready =
    startedInMs === undefined ? `running at ${world.credentials.baseUrl}` : `all services ready ${span(startedInMs)}`
  terminal.out(terminal.paint('dim', `${ready} · agent ${world.agent} (model ${model.name}, owner ${plain(owner)})`))
  const read = await askToRead(world)
  const deleted = await askToDelete(world)
  const { intent, traceId } = await askToExport(world)
  const card = await seeCard(world, intent)
  await ownerClicks(world, intent, card)
  await secondPersonApproves(world, intent, card)
  await useGrant(world, intent)
  await showLineage(world, intent)
  await showAuditRows(world, [read, deleted, intent], after)
  const approval = await showProof(world, intent)
  await tamper(world, approval)
  return { traceId }
}
