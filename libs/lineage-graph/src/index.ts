export type { IntentFacts, LineageDelta } from './delta.ts'
export { evolve } from './evolve.ts'
export { deriveEdges, emptyGraph, mergeDeltas, projectLineage, type LineageGraph } from './graph.ts'
export { columns, layOut, type Column, type Placed } from './layout.ts'
export {
  deepest,
  mostNodes,
  neighbourhood,
  type Direction,
  type Neighbourhood,
  type NeighbourhoodOptions,
} from './neighbourhood.ts'
export {
  edgeKey,
  edgeKinds,
  isNodeKind,
  nodeId,
  nodeKinds,
  type Attributes,
  type AttributeValue,
  type EdgeKind,
  type LineageEdge,
  type LineageNode,
  type NodeKind,
  type NodeRef,
} from './node.ts'
export { verbOf } from './target.ts'
export { textPath, type NameSubject } from './text-path.ts'
