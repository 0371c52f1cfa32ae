type Route = { readonly segments: readonly string[]; readonly methods: Set<string> }

const segmentsOf = (path: string): string[] => path.split('/')

const fits = (pattern: readonly string[], path: readonly string[]): boolean => {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? path.length < pattern.length : path.length !== pattern.length) return false
  return pattern.every((segment, index) => {
    const actual = path[index] ?? ''
    return segment === '*' || (segment.startsWith(':') ? actual !== '' : segment === actual)
  })
}

/** The paths that exist, to tell a wrong method (405) from a wrong path (404). */
export class KnownRoutes {
  readonly #routes = new Map<string, Route>()

  /** `pattern` as Fastify writes it: literal segments, `:name`, and `*` at the end. */
  add(pattern: string, methods: readonly string[]): void {
    const route = this.#routes.get(pattern) ?? { segments: segmentsOf(pattern), methods: new Set() }
    for (const method of methods) route.methods.add(method)
    this.#routes.set(pattern, route)
  }

  /** Methods that a path takes, sorted; empty when the path is not known. */
  methodsOf(path: string): string[] {
    const actual = segmentsOf(path)
    const methods = [...this.#routes.values()].flatMap((route) =>
      fits(route.segments, actual) ? [...route.methods] : [],
    )
    return [...new Set(methods)].toSorted()
  }
}
