/**
 * The log and the event table cannot both be true. Nothing was written; the ledger stays where it is until an operator
 * has looked. The fields name the place and hold no contents.
 */
export class LedgerDiverged extends Error {
  readonly code: 'stream_gap' | 'head_moved' | 'tile_moved' | 'progress_moved'
  readonly place: Readonly<Record<string, string | number>>

  constructor(code: LedgerDiverged['code'], place: Readonly<Record<string, string | number>>) {
    super(`the ledger has diverged: ${code} at ${JSON.stringify(place)}`)
    this.name = 'LedgerDiverged'
    this.code = code
    this.place = place
  }
}
