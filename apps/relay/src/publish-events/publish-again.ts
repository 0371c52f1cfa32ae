import pg from 'pg'

/**
 * Lets the relay begin with the first event again, as the owner of the store; for a bus that has not had the events yet.
 * Consumers know by id what they have had, so doing it needlessly costs only time.
 */
export const publishAgain = async (ownerUrl: string): Promise<void> => {
  const owner = new pg.Client({ connectionString: ownerUrl })
  await owner.connect()
  try {
    await owner.query(
      `update relay.lease set holder = null, held_until = '-infinity', incarnation = 0, xid = '0', position = 0`,
    )
  } finally {
    await owner.end()
  }
}
