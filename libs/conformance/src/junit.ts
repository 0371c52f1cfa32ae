import type { Result } from './run-guarantees.ts'

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text as it may stand in XML 1.0: markup escaped, signs that it cannot hold made visible. */
const xml = (text: string): string =>
  text
    .replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? '')
    // oxlint-disable-next-line no-control-regex -- these are what XML cannot hold
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, visible)

const visible = (sign: string): string => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`

/** Results as a JUnit report: FAIL is a failure, INCOMPLETE an error, and neither is a passed or a skipped test. */
export const junitOf = (results: readonly Result[]): string => {
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3)
  const counted = (verdict: Result['verdict']): number => results.filter((result) => result.verdict === verdict).length
  const total = seconds(results.reduce((sum, { ms }) => sum + ms, 0))
  const counts = `tests="${results.length}" failures="${counted('FAIL')}" errors="${counted('INCOMPLETE')}" time="${total}"`
  const cases = results.map(({ id, title, verdict, told, ms }) => {
    const begin = `    <testcase classname="countersign.guarantees" name="${xml(`${id} ${title}`)}" time="${seconds(ms)}"`
    if (verdict === 'PASS') return `${begin}/>`
    const element = verdict === 'FAIL' ? 'failure' : 'error'
    return `${begin}><${element} message="${xml(told)}"/></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="countersign self-test" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}
