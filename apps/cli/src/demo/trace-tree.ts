/** A finished span, as a line of the trace file. */
export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly service: string
  readonly startedAt: string
  readonly durationMs: number
  readonly status: string
}

/** The spans of one trace in a file of JSON lines; a line that is cut off is left out. */
export const spansOf = (lines: string, traceId: string): Span[] =>
  lines.split('\n').flatMap((line) => {
    if (!line.includes(traceId)) return []
    try {
      const span = JSON.parse(line) as Span
      return span.traceId === traceId ? [span] : []
    } catch {
      return []
    }
  })

/** A span with how many like it began beside it at the same time. */
type Knot = { readonly span: Span; readonly times: number }

/** Spans of one name that begin together under one parent are one knot: the events of one append travel together. */
const knotsOf = (spans: readonly Span[], hasChildren: (span: Span) => boolean): Knot[] => {
  const inOrder = spans.toSorted(
    (a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt) || (a.name < b.name ? -1 : 1),
  )
  const together = Map.groupBy(inOrder, (span) =>
    hasChildren(span) ? span.spanId : `${span.service} ${span.name} ${span.startedAt}`,
  )
  return [...together.values()].flatMap(([span, ...others]) =>
    span === undefined ? [] : [{ span, times: 1 + others.length }],
  )
}

/**
 * A trace as a tree: children below their parents in the order of time, with when each began and how long it took. Spans
 * whose parent is elsewhere begin a branch.
 */
export const traceTree = (spans: readonly Span[]): string[] => {
  const known = new Set(spans.map(({ spanId }) => spanId))
  const children = Map.groupBy(spans, ({ parentSpanId = '' }) => (known.has(parentSpanId) ? parentSpanId : ''))
  const began = Math.min(...spans.map(({ startedAt }) => Date.parse(startedAt)))
  const isOneService = new Set(spans.map(({ service }) => service)).size === 1
  const branch = (parent: string, indent: string): string[] => {
    const knots = knotsOf(children.get(parent) ?? [], ({ spanId }) => children.has(spanId))
    return knots.flatMap(({ span, times }, place) => {
      const isLast = place === knots.length - 1
      const [knot, rail] = parent === '' ? ['', ''] : isLast ? ['└─ ', '   '] : ['├─ ', '│  ']
      const at = `+${Date.parse(span.startedAt) - began} ms`.padStart(9)
      const took = `${span.durationMs.toFixed(1)} ms`.padStart(10)
      const name = `${isOneService ? '' : `${span.service}  `}${span.name}${times > 1 ? ` ×${times}` : ''}`
      const failed = span.status === 'error' ? '  ERROR' : ''
      return [`${at} ${took}  ${indent}${knot}${name}${failed}`, ...branch(span.spanId, indent + rail)]
    })
  }
  return branch('', '')
}
