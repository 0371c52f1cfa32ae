import { toAuditRow, intentContext, type AuditRow } from '@countersign/audit-row'
import type { RecordedEventOf } from '@countersign/contracts'
import type { SpecStore } from '@countersign/event-store/spec-store'
import type { Identity } from '@countersign/identity'
import { id, lifeOf, subjects, tenantId } from '@countersign/lineage-graph/life-fixture'
import { registers } from '@countersign/lineage-graph/registers-fixture'
import { buildService, createLog, type Service } from '@countersign/service-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LineageProjectorModule } from './lineage-projector.module.ts'
import { collectorKey } from './reader.ts'
import { projectEvents } from './project-events.ts'
import { freshProjection, recordEvents } from './projection.fixture.ts'

const issuer = 'https://id.example'
const export1 = lifeOf({ n: 1, ending: 'succeeded' })
const denied = lifeOf({ n: 2, ending: 'denied', agent: subjects.runner })
const events = [...registers(), ...export1, ...denied]
const foreignTenant = id(9, 2)
const foreign = lifeOf({ n: 3, ending: 'succeeded', tenantId: foreignTenant })

/** Subject id, name and groups of the people of the spec. */
const people: Record<string, readonly [subject: string, name: string, groups: readonly string[]]> = {
  ana: [id(2, 11), 'Ana', ['analysts']],
  aud: [id(2, 12), 'Aud', ['auditors']],
  ben: [subjects.ben, 'Ben', ['data-owners']],
  dana: [subjects.dana, 'Dana', []],
  cleo: [subjects.cleo, 'Cleo', []],
  nick: [id(2, 13), 'Nick', ['kitchen']],
}

let store: SpecStore
let service: Service
let url: string

beforeAll(async () => {
  store = await freshProjection()
  const { superuser } = store
  for (const [sub, [subject, name, groups]] of Object.entries(people)) {
    await superuser.query(
      `insert into countersign.subject (tenant_id, subject_id, iss, sub, salt) values ($1, $2, $3, $4, sha256('salt'))`,
      [tenantId, subject, issuer, sub],
    )
    await superuser.query('insert into countersign.person (tenant_id, subject_id, display_name) values ($1, $2, $3)', [
      tenantId,
      subject,
      name,
    ])
    for (const group of groups) {
      await superuser.query(
        'insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, $2, $3)',
        [tenantId, group, subject],
      )
    }
  }
  await superuser.query(
    `insert into countersign.producer (tenant_id, name, iss, client_id)
     values ($1, 'warehouse', $2, 'warehouse'), ($1, 'other', $2, 'other')`,
    [tenantId, issuer],
  )
  await recordEvents(superuser, [...events, ...foreign])
  await projectEvents(store.poolOf('lineage'), [...events, ...foreign])
  service = await buildService({
    name: 'lineage-projector',
    config: {},
    log: createLog({ service: 'lineage-projector', destination: { write: () => undefined } }),
    compose: () => ({
      module: LineageProjectorModule.over({
        pool: store.poolOf('lineage'),
        walkMs: 2_000,
        rules: {
          analysts: 'analysts',
          auditors: 'auditors',
          collectors: new Map([[collectorKey({ issuer, clientId: 'siem' }), tenantId]]),
        },
      }),
      // A token of this spec is the subject's name; programs say that they are one.
      verifier: {
        verify: async (token) => {
          const isClient = token.startsWith('client-')
          const name = isClient ? token.slice('client-'.length).replace('-elsewhere', '') : token
          const identity: Identity = {
            issuer: token.endsWith('-elsewhere') ? 'https://elsewhere.example' : issuer,
            subject: name,
            clientId: isClient ? name : 'console',
            kind: isClient ? 'client' : 'person',
            actorChain: [],
          }
          return { ok: true, identity }
        },
      },
    }),
  })
  url = await service.listen({ port: 0 })
})
afterAll(async () => {
  await service.stop()
  await store.drop()
})

const get = async (path: string, as: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${as}`, ...headers } })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json;') === true || text.startsWith('{"')
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: isJson && !text.includes('\n') ? JSON.parse(text) : {},
  }
}
const story = `/v1/intents/${id(3, 1)}/story`

describe('who may read', () => {
  it.each([
    ['ana', 200, 200, 200],
    ['aud', 200, 200, 200],
    ['ben', 200, 403, 403],
    ['dana', 200, 403, 403],
    ['cleo', 200, 403, 403],
    ['nick', 404, 403, 403],
    ['client-warehouse', 200, 403, 403],
    ['client-other', 404, 403, 403],
    ['client-siem', 404, 403, 200],
    ['client-siem-elsewhere', 403, 403, 403],
    ['client-warehouse-elsewhere', 403, 403, 403],
    ['client-nobody', 403, 403, 403],
    ['stranger', 403, 403, 403],
  ])('%s: story %i, lineage %i, audit %i', async (who, storyStatus, lineageStatus, auditStatus) => {
    expect((await get(story, who)).status).toBe(storyStatus)
    expect((await get(`/v1/lineage/intent/${id(3, 1)}`, who)).status).toBe(lineageStatus)
    expect((await get('/v1/audit', who)).status).toBe(auditStatus)
    expect((await get('/v1/audit/reciprocal-approvals', who)).status).toBe(lineageStatus)
  })

  it('a client reads nothing that two tenants have registered, nor one whose producer was taken out', async () => {
    expect((await get(story, 'client-warehouse')).status).toBe(200)
    await store.superuser.query(
      `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id)
       values ($1, 'lure', gen_random_uuid(), 'agent', 'theirs', $2, 'warehouse')`,
      [foreignTenant, issuer],
    )
    expect(await get(story, 'client-warehouse')).toMatchObject({ status: 403, body: { code: 'unknown_producer' } })
    await store.superuser.query(`delete from countersign.agent where name = 'lure'`)
    expect((await get(story, 'client-warehouse')).status).toBe(200)
    const removed = (at: string) =>
      store.superuser.query(`update countersign.producer set removed_at = ${at} where name = 'warehouse'`)
    await removed('clock_timestamp()')
    expect(await get(story, 'client-warehouse')).toMatchObject({ status: 403, body: { code: 'unknown_producer' } })
    await removed('null')
  })

  it('nobody reads what is another tenant’s', async () => {
    expect((await get(`/v1/intents/${id(3, 3)}/story`, 'aud')).status).toBe(404)
    expect((await get(`/v1/lineage/intent/${id(3, 3)}`, 'aud')).status).toBe(404)
    expect((await get('/v1/audit?limit=2000', 'aud')).text).not.toContain(foreignTenant)
  })
})

describe('the story of an intent', () => {
  it('is told in order, with names, channels and reasons', async () => {
    const { body } = await get(story, 'ana')
    expect(body.path).toBe('etl-bot/m-4 → export → Ben (Slack) → grant → customers ⇒ s3://partner-eu')
    expect(body.steps.map(({ text }: { text: string }) => text)).toEqual([
      'etl-bot, driven by m-4, asked for data.export on customers -> s3://partner-eu in production on behalf of Cleo.',
      'Policy was evaluated and said review, by exports-need-two-eyes.',
      'It had to wait for a human decision: 1 of data-owners, until 2026-11-21T10:30:00.000Z.',
      'A card was made for reviewers in Slack.',
      'The card was delivered in Slack.',
      'Dana tried to approve in Slack and was refused: Owners of the agent or its producer may not approve for it (owner_of_agent).',
      'Ben approved in Slack.',
      'Every seat was filled; the grant could be collected until 2026-11-21T10:30:00.000Z.',
      'etl-bot collected a grant for one use until 2026-11-21T10:05:01.000Z.',
      'An attempt to redeem the grant was refused: This is not the action that was approved (binding_mismatch), at /target.',
      'The grant was used for exactly the action that was approved.',
      'The action began.',
      'The action succeeded and reported 12400 rows.',
    ])
    expect(body.steps[6]).toMatchObject({ actor: { id: subjects.ben, name: 'Ben' }, channel: 'slack' })
  })

  it('names nobody to programs', async () => {
    const { text } = await get(story, 'client-warehouse')
    for (const [, name] of Object.values(people)) expect(text).not.toMatch(new RegExp(`\\b${name}\\b`))
    expect(text).toContain(subjects.ben)
  })
})

describe('lineage over HTTP', () => {
  it('answers nodes with places, edges and where it was cut', async () => {
    const { body } = await get('/v1/lineage/agent/etl-bot?direction=down&depth=2', 'ana')
    expect(body).toMatchObject({ truncated: true, reason: 'depth', direction: 'down', depth: 2 })
    expect(body.nodes[0]).toMatchObject({ kind: 'agent', label: 'etl-bot', column: 'agent', x: 1, y: 0 })
  })

  it('goes on behind a cut and repeats nothing', async () => {
    const whole = (await get('/v1/lineage/agent/etl-bot', 'ana')).body
    const seen: string[] = []
    let after = ''
    do {
      const { body } = await get(`/v1/lineage/agent/etl-bot?maxNodes=4${after}`, 'ana')
      seen.push(...body.nodes.map((node: { id: string }) => node.id))
      after = body.next === undefined ? '' : `&after=${body.next}`
    } while (after !== '')
    expect(seen).toEqual(whole.nodes.map((node: { id: string }) => node.id))
  })

  it('shows what was known at a time', async () => {
    const { body } = await get(`/v1/lineage/intent/${id(3, 1)}?asOf=${export1[3]?.recordedAt ?? ''}`, 'ana')
    const kinds = new Set(body.nodes.map(({ kind }: { kind: string }) => kind))
    expect(kinds.has('review')).toBe(true)
    expect(kinds.has('grant')).toBe(false)
  })

  it('finds a dataset by environment and name', async () => {
    const { body } = await get(`/v1/lineage/dataset?key=${encodeURIComponent('production/customers')}`, 'ana')
    expect(body).toMatchObject({ start: expect.any(String) })
    expect(body.nodes.map(({ kind }: { kind: string }) => kind)).toContain('execution')
  })

  it.each([
    ['/v1/lineage/agent/etl-bot?depth=21', 400],
    ['/v1/lineage/agent/etl-bot?maxNodes=5001', 400],
    ['/v1/lineage/agent/etl-bot?after=nonsense', 400],
    ['/v1/lineage/agent/etl-bot?asOf=2026-13-41T10:00:00Z', 400],
    ['/v1/lineage/agent/etl%01bot', 404],
    ['/v1/lineage/dataset?key=a%00b', 400],
    ['/v1/lineage/dataset', 400],
    ['/v1/lineage/planet/mars', 404],
    ['/v1/lineage/agent/nobody', 404],
    ['/v1/intents/nothing/story', 404],
  ])('refuses %s with %i', async (path, status) => {
    expect((await get(path, 'ana')).status).toBe(status)
  })
})

describe('audit rows over HTTP', () => {
  const all = async (limit: number) => {
    const rows: AuditRow[] = []
    let after: string | undefined
    for (;;) {
      const { body } = await get(
        `/v1/audit?limit=${limit}${after === undefined ? '' : `&after=${after}`}`,
        'client-siem',
      )
      rows.push(...body.rows)
      if (body.rows.length === 0) return { rows, next: body.next, after }
      after = body.next
    }
  }

  it('give every event once, as the mapping has it, with the action that the intent is about', async () => {
    const { rows, next, after } = await all(5)
    expect(next).toBe(after)
    const contexts = new Map(
      [export1, denied].map(([first]) => [
        first?.streamId,
        intentContext(first as RecordedEventOf<'ActionIntentPublished'>),
      ]),
    )
    const expected = events.map((event) => {
      const context = contexts.get(event.streamId)
      return JSON.parse(JSON.stringify(toAuditRow(event, context === undefined ? {} : { context })))
    })
    const byUid = (one: AuditRow, other: AuditRow) => (one.metadata.uid < other.metadata.uid ? -1 : 1)
    expect(rows.sort(byUid)).toEqual(expected.sort(byUid))
  })

  it('alert on what the broker refused, the owner’s try to approve and an action that was changed', async () => {
    const { rows } = await all(2_000)
    expect(rows.filter(({ is_alert: isAlert }) => isAlert).map((row) => row.status_code)).toEqual([
      'broker_denied',
      'owner_of_agent',
      'binding_mismatch',
    ])
  })

  it('come as JSON lines to who asks for them', async () => {
    const answer = await get('/v1/audit?limit=3', 'client-siem', { accept: 'application/x-ndjson' })
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson')
    const lines = answer.text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).metadata.tenant_uid)).toEqual([tenantId, tenantId, tenantId])
    expect(answer.headers.get('countersign-next')).toMatch(/^[0-9a-f-]{36}\.3$/)
  })

  it('take no cursor of another feed', async () => {
    expect((await get(`/v1/audit?after=${id(1, 1)}.3`, 'aud')).status).toBe(400)
  })

  it('hold no names', async () => {
    const { text } = await get('/v1/audit?limit=2000', 'aud')
    for (const [, name] of Object.values(people)) expect(text).not.toMatch(new RegExp(`\\b${name}\\b`))
  })
})
