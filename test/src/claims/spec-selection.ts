/** Tests that prove a claim: all of these files, or those whose full name matches. */
export type SpecSelection = {
  readonly files: readonly string[]
  /** Regular expression over suite and test names, joined by spaces, as `vitest -t` takes it. */
  readonly pattern?: string
}

const selection = /^npx vitest run(?<files>(?: [\w./-]+\.spec\.ts)+)(?: -t "(?<pattern>[^"]+)")?$/

/**
 * The tests that a command selects, or undefined when it runs something else than tests. Throws for any other use of Vitest:
 * it could exit with 0 without having run a test.
 */
export const specSelection = (command: string): SpecSelection | undefined => {
  const { files, pattern } = selection.exec(command)?.groups ?? {}
  if (files !== undefined) return { files: files.trim().split(' '), ...(pattern === undefined ? {} : { pattern }) }
  if (/\bvitest\b/.test(command)) {
    throw new Error(`not of the form: npx vitest run FILE.spec.ts … -t "NAME": ${command}`)
  }
  return undefined
}

/** One run of Vitest that covers several selections. */
export type SpecRun = { readonly files: readonly string[]; readonly pattern?: string }

/**
 * As few runs as cover all selections, none of them twice: files that are needed whole, then the single tests of the others.
 */
export const specRuns = (selections: readonly SpecSelection[]): SpecRun[] => {
  const whole = new Set(selections.flatMap(({ files, pattern }) => (pattern === undefined ? files : [])))
  const single = selections.filter(
    ({ files, pattern }) => pattern !== undefined && files.some((file) => !whole.has(file)),
  )
  const files = new Set(single.flatMap((one) => one.files.filter((file) => !whole.has(file))))
  const patterns = new Set(single.flatMap(({ pattern }) => pattern ?? []))
  return [
    ...(whole.size === 0 ? [] : [{ files: [...whole] }]),
    ...(files.size === 0 ? [] : [{ files: [...files], pattern: [...patterns].map((one) => `(${one})`).join('|') }]),
  ]
}
