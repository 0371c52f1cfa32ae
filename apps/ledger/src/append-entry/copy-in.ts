import pg from 'pg'

/** What `pg` has beside the methods that its types name. */
type CopyConnection = pg.Connection & {
  sendCopyFromChunk(rows: Buffer): void
  endCopyFrom(): void
}

/**
 * `COPY ... FROM STDIN` of rows that are all there: statement, rows and their end go out together, so that nothing waits for
 * the server's word that it takes them, and a pipelined connection can carry it. Rows for a statement that was refused the
 * server takes and drops (PostgreSQL, "Message Flow", COPY operations), so the refusal is all that comes of them.
 */
class CopyIn extends pg.Query {
  constructor(statement: string, rows: Buffer, done: (error: Error | undefined) => void) {
    super(statement, done)
    this.submit = (connection) => {
      const { stream } = connection
      stream.cork()
      try {
        connection.query(statement)
        ;(connection as CopyConnection).sendCopyFromChunk(rows)
        ;(connection as CopyConnection).endCopyFrom()
      } catch (error) {
        // Half of it must not go out.
        stream.destroy()
        throw error
      } finally {
        stream.uncork()
      }
    }
  }

  /** The rows are on their way already; `pg` would call the copy off. */
  handleCopyInResponse(): void {
    // Nothing is left to send.
  }
}

/** Copies rows in the format that the statement names; resolves when the server has taken them all. */
export const copyIn = (client: pg.ClientBase, statement: string, rows: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    client.query(new CopyIn(statement, rows, (error) => (error ? reject(error) : resolve())))
  })
