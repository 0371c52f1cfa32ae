import { ownedTypes } from '@countersign/contracts'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BootFacts, type BootProblem, bootCheck, bootProblems, readBootFacts } from './boot-check.ts'
import { freshStore, type SpecStore } from './spec-store.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const codes = (problems: readonly BootProblem[]) => problems.map((problem) => problem.code)

describe('the boot check', () => {
  it('finds nothing wrong with each service on a fresh store', async () => {
    for (const role of ['intake', 'policy', 'notifier'] as const) {
      expect(await bootCheck(spec.poolOf(role), ownedTypes(role))).toEqual([])
    }
    for (const role of ['ledger', 'lineage', 'relay'] as const)
      expect(await bootCheck(spec.poolOf(role), [])).toEqual([])
  })

  it('refuses a superuser and the owner', async () => {
    expect(codes(await bootCheck(spec.superuser, ownedTypes('intake')))).toEqual(
      expect.arrayContaining([
        'role_is_superuser',
        'role_is_owner',
        'role_may_change_events',
        'role_bypasses_row_security',
      ]),
    )
    expect(codes(await bootCheck(spec.poolOf('owner'), []))).toEqual(['role_is_owner', 'role_may_change_events'])
  })

  it("refuses a role that may append another service's event", async () => {
    expect(codes(await bootCheck(spec.poolOf('policy'), ownedTypes('notifier')))).toEqual(['role_owns_foreign_events'])
  })

  it('refuses a role that may write events past the append function, be it one partition', async () => {
    for (const table of ['event', 'event_register']) {
      await spec.superuser.query(`grant insert on countersign.${table} to countersign_policy`)
      expect(codes(await bootCheck(spec.poolOf('policy'), ownedTypes('policy')))).toEqual(['role_may_change_events'])
      await spec.superuser.query(`revoke insert on countersign.${table} from countersign_policy`)
    }
  })

  it('refuses a store whose events can be changed', async () => {
    await spec.superuser.query('alter table countersign.event_register disable trigger only_appended')
    expect(codes(await bootCheck(spec.poolOf('policy'), ownedTypes('policy')))).toEqual(['append_only_trigger_missing'])
    await spec.superuser.query('alter table countersign.event_register enable trigger only_appended')
  })

  it('refuses commits that are not durable', async () => {
    const pool = new pg.Pool({ connectionString: spec.urlOf('policy'), options: '-c synchronous_commit=off' })
    try {
      expect(codes(await bootCheck(pool, ownedTypes('policy')))).toEqual(['synchronous_commit_off'])
    } finally {
      await pool.end()
    }
  })

  it('refuses a clock that is more than 2 s off, either way', async () => {
    for (const off of [-2_500, 2_500]) {
      const facts = await readBootFacts(spec.poolOf('policy'), () => Date.now() + off)
      expect(codes(bootProblems(facts, ownedTypes('policy')))).toEqual(['clock_skew'])
    }
  })

  it('names what only the server settings of a whole cluster can show', async () => {
    const sound = await readBootFacts(spec.poolOf('policy'))
    const unsound: [Partial<BootFacts>, BootProblem['code']][] = [
      [{ inRecovery: true }, 'in_recovery'],
      [{ fsync: 'off' }, 'fsync_off'],
      [{ fullPageWrites: 'off' }, 'full_page_writes_off'],
      [{ synchronousCommit: 'local' }, 'synchronous_commit_off'],
      [{ bypassesRowSecurity: true }, 'role_bypasses_row_security'],
    ]
    for (const [fact, code] of unsound) {
      expect(codes(bootProblems({ ...sound, ...fact }, ownedTypes('policy')))).toEqual([code])
    }
  })
})
