import type { SpecSelection } from './spec-selection.ts'

/** A test that was collected: `passed` if it ran and held, anything else (failed, skipped) if not. */
export type TestResult = { readonly file: string; readonly name: string; readonly status: string }

export type Judgement = { readonly proven: true } | { readonly proven: false; readonly reason: string }

const no = (reason: string): Judgement => ({ proven: false, reason })

/**
 * Whether the selected tests prove what they are said to: each file has at least one of them, and every one has passed. A
 * name that matches nothing proves nothing, though Vitest is content with it.
 */
export const judgeTests = ({ files, pattern }: SpecSelection, results: readonly TestResult[]): Judgement => {
  const matches = new RegExp(pattern ?? '')
  for (const file of files) {
    const selected = results.filter((result) => result.file === file && matches.test(result.name))
    if (selected.length === 0) return no(`${file} has no such test, or could not be read`)
    const broken = selected.find(({ status }) => status !== 'passed')
    if (broken !== undefined) return no(`${broken.status}: ${file}: ${broken.name}`)
  }
  return { proven: true }
}
