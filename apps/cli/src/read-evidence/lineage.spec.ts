import { expect, it } from 'vitest'
import { lineageLines } from './lineage.command.ts'

const nodes = [
  { id: '1', kind: 'agent', label: 'etl-bot' },
  { id: '2', kind: 'policy_set', label: 'policy set e2d7aecd' },
  { id: '3', kind: 'intent', label: 'export customers\u001b[2J' },
]

it('says each edge in words, with nothing in them that a terminal would obey', () => {
  const edges = [
    { from: '1', kind: 'asked', to: '3' },
    { from: '2', kind: 'decided', to: '3' },
  ]
  expect(lineageLines({ start: '1', nodes, edges, truncated: false })).toEqual([
    'agent etl-bot  -asked->  intent export customers\\u001b[2J',
    'policy set e2d7aecd  -decided->  intent export customers\\u001b[2J',
  ])
})

it('shows a node that stands alone, and says which bound cut the rest', () => {
  expect(lineageLines({ start: '1', nodes: nodes.slice(0, 1), edges: [], truncated: true, reason: 'nodes' })).toEqual([
    'agent etl-bot',
    '… cut by the bound on nodes',
  ])
})
