/** One row of `docs/claims.md`. */
export type Claim = {
  readonly number: number
  readonly claim: string
  /** What proves it; a row without a command is not proven yet. */
  readonly command?: string
}

const row = /^\|\s*(?<number>\d+)\s*\|\s*(?<claim>.*?)\s*\|\s*(?<proof>.*?)\s*\|$/

const commandOf = (number: number, proof: string): string | undefined => {
  if (proof === '') return undefined
  const command = /^`(?<command>[^`]+)`$/.exec(proof)?.groups?.['command']
  if (command === undefined) throw new Error(`claim ${number}: the proof is one command in backticks, or nothing`)
  return command
}

/**
 * Rows of the table in `docs/claims.md`: number, claim, command in backticks or nothing. A vertical bar in a cell is written
 * `\|`, as in any table. Throws when rows are missing, doubled or out of order: no claim disappears unseen.
 */
export const readClaims = (markdown: string): Claim[] => {
  const claims = markdown.split('\n').flatMap((line): Claim[] => {
    const bars = line.replaceAll('\\|', '\u0000')
    const { number, claim, proof } = row.exec(bars)?.groups ?? {}
    if (number === undefined || claim === undefined || proof === undefined) return []
    const plain = (cell: string): string => cell.replaceAll('\u0000', '|')
    const command = commandOf(Number(number), plain(proof))
    return [{ number: Number(number), claim: plain(claim), ...(command === undefined ? {} : { command }) }]
  })
  claims.forEach(({ number }, index) => {
    if (number !== index + 1) throw new Error(`claim ${index + 1} is missing, or claim ${number} is out of order`)
  })
  return claims
}
