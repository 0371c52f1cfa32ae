import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, wholeNumber } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { plain } from '../print/words.ts'

export type Neighbourhood = {
  readonly start: string
  readonly nodes: readonly { readonly id: string; readonly kind: string; readonly label: string }[]
  readonly edges: readonly { readonly from: string; readonly kind: string; readonly to: string }[]
  readonly truncated: boolean
  readonly reason?: string
}

type LineageOptions = DeploymentOptions & {
  readonly as?: string
  readonly depth: number
  readonly maxNodes: number
  readonly json?: boolean
}

/** One line per edge, in words: `agent etl-bot -requested-> intent export customers`. */
export const lineageLines = ({ nodes, edges, truncated, reason }: Neighbourhood): string[] => {
  const named = (kind: string, label: string): string => (label.startsWith(kind) ? label : `${kind} ${label}`)
  const names = new Map(nodes.map(({ id, kind, label }) => [id, named(kind.replaceAll('_', ' '), plain(label))]))
  const lines = edges.map(({ from, kind, to }) => `${names.get(from) ?? from}  -${kind}->  ${names.get(to) ?? to}`)
  const alone = lines.length === 0 ? nodes.map(({ id }) => names.get(id) ?? id) : []
  return [...lines, ...alone, ...(truncated ? [`… cut by the bound on ${reason ?? 'size'}`] : [])]
}

export const registerLineage: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('lineage')
    .summary('show what stands around an agent, model, person, dataset or intent')
    .argument('<kind>', 'agent, model, person, dataset, intent, …')
    .argument('<id>', 'name, id, or environment/name of a dataset')
    .option('--depth <number>', 'steps to walk at most', wholeNumber, 8)
    .option('--max-nodes <number>', 'nodes to show at most', wholeNumber, 500)
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples(
        'countersign lineage agent etl-bot --as dana',
        'countersign lineage dataset production/orders --as dana',
      ),
    )
    .action(async (kind: string, id: string, options: LineageOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const path = `/v1/lineage/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`
      const answer = await call<Neighbourhood>(`${path}?depth=${options.depth}&maxNodes=${options.maxNodes}`, {
        signal,
      })
      if (options.json === true) terminal.out(JSON.stringify(answer, null, 2))
      else for (const line of lineageLines(answer)) terminal.out(line)
      finish(0)
    })
}
