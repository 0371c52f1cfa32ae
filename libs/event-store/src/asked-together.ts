import type { Transaction } from './transaction.ts'

/** A statement that answers many questions at once, in their order. */
type Statement<Ask, Answer> = (tx: Transaction, asks: readonly Ask[]) => Promise<readonly Answer[]>

type Turn<Ask, Answer> = { readonly asks: Ask[]; readonly answers: Promise<readonly Answer[]> }

// After everything that can go on without the database has gone on: whoever asks in this turn has asked by then.
const endOfTurn = (): Promise<void> =>
  new Promise((resolve) => void Promise.resolve().then(() => process.nextTick(resolve)))

/**
 * The statement, shared by all who ask it in the same turn of one transaction: commands that are decided together cost one
 * round trip for each kind of question, not one each. Everybody gets the answers to their own questions; when the
 * statement fails, it fails for all of them, as their transaction does.
 */
export const askedTogether = <Ask, Answer>(
  statement: Statement<Ask, Answer>,
): ((tx: Transaction, asks: readonly Ask[]) => Promise<Answer[]>) => {
  const turns = new WeakMap<Transaction, Turn<Ask, Answer>>()
  return async (tx, asks) => {
    if (asks.length === 0) return []
    let turn = turns.get(tx)
    if (turn === undefined) {
      const gathered: Ask[] = []
      const ask = async (): Promise<readonly Answer[]> => {
        await endOfTurn()
        turns.delete(tx)
        return statement(tx, gathered)
      }
      turn = { asks: gathered, answers: ask() }
      turns.set(tx, turn)
    }
    const first = turn.asks.length
    turn.asks.push(...asks)
    return (await turn.answers).slice(first, first + asks.length)
  }
}

/** The same for rows that are written: those of all who write in one turn of a transaction go out as one statement. */
export const writtenTogether = <Row>(
  statement: (tx: Transaction, rows: readonly Row[]) => Promise<unknown>,
): ((tx: Transaction, rows: readonly Row[]) => Promise<void>) => {
  const write = askedTogether(async (tx, rows: readonly Row[]) => {
    await statement(tx, rows)
    return rows.map(() => undefined)
  })
  return async (tx, rows) => void (await write(tx, rows))
}

/**
 * The results of work that shares a connection, once all of it has ended: none of it may use the connection after its
 * transaction. Throws the first failure.
 */
export const allEnded = async <Value>(all: readonly (Promise<Value> | Value)[]): Promise<Value[]> => {
  const settled = await Promise.allSettled(all)
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}
