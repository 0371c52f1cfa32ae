import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDeploymentKeyFile, deploymentKeyFromFile } from './deployment-key.ts'
import { keyring, maxSealedBytes, StaleKey } from './keyring.ts'
import type { PayloadToSeal } from './sealed-rows.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId } from './stream.ts'
import { withTenants } from './transaction.ts'

let spec: SpecStore
let folder: string
beforeAll(async () => {
  spec = await freshStore()
  folder = await mkdtemp(join(tmpdir(), 'countersign-key-'))
  await createDeploymentKeyFile(join(folder, 'key'))
  await createDeploymentKeyFile(join(folder, 'other'))
})
afterAll(async () => {
  await spec.drop()
  await rm(folder, { recursive: true, force: true })
})

const keys = async (role: 'intake' | 'policy' = 'intake', file = 'key') =>
  keyring({ pool: spec.poolOf(role), deploymentKey: await deploymentKeyFromFile(join(folder, file)) })
const payload = (text: string, streamId = newId()): PayloadToSeal => ({
  tenantId: spec.tenantId,
  streamId,
  sealedId: newId(),
  purpose: 'parameters',
  plaintext: Buffer.from(text),
})
const seal = async (items: PayloadToSeal[]) => {
  const ring = await keys()
  const batch = await ring.sealBatch(items)
  await withTenants(spec.poolOf('intake'), [spec.tenantId], (tx) => ring.writeSealed(tx, batch))
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What buffers hold after all that nobody keeps was let go. */
const bytesInUse = (): number => {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

describe('sealed payloads', () => {
  it('open again, in another process and for another service, with the deployment key', async () => {
    const streamId = newId()
    const items = [payload('one', streamId), payload('two', streamId), payload('three')]
    await seal(items)
    const opened = await (await keys('policy')).openBatch([...items, payload('never written')])
    expect(items.map((item) => opened.get(item.sealedId))).toEqual(
      items.map(({ streamId: of, plaintext }) => ({ status: 'open', purpose: 'parameters', streamId: of, plaintext })),
    )
    expect([...opened.values()].at(-1)).toEqual({ status: 'missing' })
  })

  it('hold no plaintext in the database', async () => {
    const item = payload('canary-4711')
    await seal([item])
    const { rows } = await spec.superuser.query<{ text: string }>(
      `select encode(ciphertext, 'escape') as text from countersign.sealed where sealed_id = $1`,
      [item.sealedId],
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]?.text).not.toContain('canary')
  })

  it('do not open with another deployment key', async () => {
    const item = payload('secret')
    await seal([item])
    await expect((await keys('intake', 'other')).openBatch([item])).rejects.toThrow()
  })

  it('do not open when the row was changed or moved', async () => {
    const [one, two] = [payload('one'), payload('two')]
    await seal([one, two])
    await spec.superuser.query(`update countersign.sealed set purpose = 'rationale' where sealed_id = $1`, [
      one.sealedId,
    ])
    await expect((await keys()).openBatch([one])).rejects.toThrow()
    await spec.superuser.query(
      `update countersign.sealed set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)
       where sealed_id = $1`,
      [two.sealedId],
    )
    await expect((await keys()).openBatch([two])).rejects.toThrow()
  })

  it('are unreadable once their key is destroyed, also for who kept the key', async () => {
    const item = payload('gone')
    await seal([item])
    const kept = await keys('policy')
    expect((await kept.openBatch([item])).get(item.sealedId)?.status).toBe('open')
    await withTenants(spec.poolOf('intake'), [spec.tenantId], async (tx) => (await keys()).destroyKeys(tx, [item]))
    expect((await kept.openBatch([item])).get(item.sealedId)).toEqual({ status: 'erased' })
    // Nor is anything sealed with it any more.
    const late = await kept.sealBatch([payload('late', item.streamId)])
    await withTenants(spec.poolOf('policy'), [spec.tenantId], (tx) => kept.writeSealed(tx, late))
    expect((await kept.openBatch([item])).get(item.sealedId)).toEqual({ status: 'erased' })
  })

  it('are not written with a key that somebody else made or destroyed meanwhile', async () => {
    const streamId = newId()
    const [one, two] = [await keys(), await keys('policy')]
    const first = await one.sealBatch([payload('first', streamId)])
    const second = await two.sealBatch([payload('second', streamId)])
    await withTenants(spec.poolOf('intake'), [spec.tenantId], (tx) => one.writeSealed(tx, first))
    const write = (batch: typeof second) =>
      withTenants(spec.poolOf('policy'), [spec.tenantId], (tx) => two.writeSealed(tx, batch))
    await expect(write(second)).rejects.toThrow(StaleKey)
    await write(await two.sealBatch([payload('second', streamId)]))
  })

  it('leave nothing behind but their keys once they were opened', async () => {
    const items = Array.from({ length: 200 }, () => payload('x'.repeat(30_000)))
    await seal(items)
    const ring = await keys()
    const before = bytesInUse()
    for (const item of items) await ring.openBatch([item])
    // Memory of buffers goes back some time after they were collected.
    await vi.waitFor(() => expect(bytesInUse() - before).toBeLessThan(200 * 5_000), { timeout: 20_000 })
  })

  it('have at most 256 KiB', async () => {
    await seal([payload('x'.repeat(maxSealedBytes))])
    await expect((await keys()).sealBatch([payload('x'.repeat(maxSealedBytes + 1))])).rejects.toThrow(RangeError)
  })
})

describe('the deployment key file', () => {
  it('is made once, for its owner only, and refused when others may read it', async () => {
    const path = join(folder, 'key')
    expect(await createDeploymentKeyFile(path)).toBe(false)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const open = join(folder, 'open')
    await createDeploymentKeyFile(open)
    await chmod(open, 0o640)
    await expect(deploymentKeyFromFile(open)).rejects.toThrow('0600')
  })
})

describe('fingerprint keys', () => {
  it('belong to the tenant and are the same in every process, also when both make them at once', async () => {
    const other = await spec.addTenant('fingerprints')
    const rings = await Promise.all([keys(), keys('policy'), keys()])
    const found = await Promise.all(rings.map((ring) => ring.fingerprintKeys([spec.tenantId, other])))
    const [first] = found
    expect(found.map((each) => each.get(other))).toEqual(found.map(() => first?.get(other)))
    expect(first?.get(other)).not.toEqual(first?.get(spec.tenantId))
    expect(first?.get(other)).toHaveLength(32)
  })

  it('are made in one order by processes that name the tenants in another', async () => {
    const others = await Promise.all(['first', 'second', 'third'].map((name) => spec.addTenant(name)))
    const [first = '', middle = '', last = ''] = others.toSorted()
    const [one, two] = await Promise.all([keys(), keys('policy')])
    const untilWaiting = async (sessions: number): Promise<void> => {
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      while ((await spec.superuser.query(waiting)).rowCount !== sessions) await pause(5)
    }
    const holder = await spec.superuser.connect()
    await holder.query('begin')
    await holder.query(`insert into countersign.tenant_key values ($1, '', '')`, [middle])
    const making = one.fingerprintKeys([last, middle, first])
    await untilWaiting(1)
    const alsoMaking = two.fingerprintKeys([first, middle, last])
    await untilWaiting(2)
    await holder.query('rollback')
    holder.release()
    const [made, also] = await Promise.all([making, alsoMaking])
    expect(others.map((id) => made.get(id))).toEqual(others.map((id) => also.get(id)))
  })
})
