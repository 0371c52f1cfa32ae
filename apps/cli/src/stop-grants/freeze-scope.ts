import type { FreezeScope } from '@countersign/contracts'
import { Failure } from '../exit-codes.ts'

const whole = ['all', 'tenant'] as const
const named = ['producer', 'agent', 'action', 'environment'] as const
export const scopeKinds: readonly string[] = [...whole, ...named]

/** The scope that the command line names: `all`, `tenant`, or a kind and a name. @throws Failure when it is none */
export const scopeOf = (kind: string, name: string | undefined): FreezeScope => {
  if (whole.some((one) => one === kind)) {
    if (name !== undefined)
      throw new Failure(`${kind} takes no name`, { next: `countersign freeze ${kind} --reason …` })
    return { kind } as FreezeScope
  }
  if (!named.some((one) => one === kind))
    throw new Failure(`nothing is frozen by ${kind}`, { next: `Name one of ${scopeKinds.join(', ')}.` })
  if (name === undefined) throw new Failure(`which ${kind}?`, { next: `countersign freeze ${kind} NAME --reason …` })
  return { kind, [kind]: name } as FreezeScope
}

/** A scope as people read it. */
export const wordsOf = (scope: FreezeScope): string => {
  if (scope.kind === 'all') return 'the whole deployment'
  if (scope.kind === 'tenant') return 'the whole tenant'
  return `${scope.kind} ${Object.entries(scope).find(([key]) => key === scope.kind)?.[1] ?? ''}`
}
