import { goodIntent, marker } from './rejection.ts'

/** A well-formed body that is no good intent. 400 `invalid_request` unless the row says otherwise. */
export type IntentRow = {
  readonly id: string
  readonly what: string
  readonly body: Record<string, unknown>
  readonly status?: number
  readonly code?: string
  readonly pointer?: string
}

const good = goodIntent()
const agent = { name: 'etl-bot' }

const row = (id: string, what: string, over: Record<string, unknown>, more: Partial<IntentRow> = {}): IntentRow => ({
  id,
  what,
  body: goodIntent(over),
  ...more,
})
const unknownField = { code: 'unknown_field' } as const

const required = ['agent', 'action', 'target', 'environment', 'parameters']
const missing: IntentRow[] = [
  ...required.map((name): IntentRow => {
    const { [name]: _, ...rest } = good
    return { id: 'B031', what: `no ${name}`, body: rest, pointer: `/${name}` }
  }),
  row('B031', 'no agent name', { agent: {} }, { pointer: '/agent/name' }),
]

const wrongTypes: IntentRow[] = [
  ...['action', 'target', 'environment', 'rationale', 'promptDigest', 'outputDigest', 'deadline', 'occurredAt'].flatMap(
    (name) => [1, true, null, [marker], { value: marker }].map((value) => wrongType(name, value)),
  ),
  ...['agent', 'parameters', 'impact', 'executor', 'onBehalfOf', 'preconditions'].flatMap((name) =>
    [1, marker, null, [marker]].map((value) => wrongType(name, value)),
  ),
  ...[marker, { 0: marker }, 1].map((value) => wrongType('logs', value)),
  row('B032', 'a log line that is a number', { logs: [1] }),
  row('B032', 'a precondition that is a number', { preconditions: { etag: 7 } }),
  row('B032', 'rows claimed as a string', { impact: { rows: '1' } }),
  row('B032', 'rows claimed as a fraction', { impact: { rows: 1.5 } }),
  row('B032', 'rows claimed below nothing', { impact: { rows: -1 } }),
]

function wrongType(name: string, value: unknown): IntentRow {
  return row('B032', `${name} as ${Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value}`, {
    [name]: value,
  })
}

const texts: IntentRow[] = [
  ...['action', 'target', 'environment', 'promptDigest'].flatMap((name) => [
    row('B033', `${name} empty`, { [name]: '' }),
    row('B033', `${name} blank`, { [name]: ' ' }),
  ]),
  row('B033', 'agent name empty', { agent: { name: '' } }),
  row('B033', 'session blank', { agent: { ...agent, session: ' ' } }),
  ...['action', 'target', 'environment', 'rationale'].map((name) =>
    row('B033', `${name} of 8 KiB and one`, { [name]: 'a'.repeat(8_193) }, { code: 'string_too_long' }),
  ),
  row('B033', 'a rationale of 4,001 characters', { rationale: 'a'.repeat(4_001) }),
  row('B033', 'a log line of 2,001 characters', { logs: ['a'.repeat(2_001)] }),
  ...['data\u2024export', 'data/export', 'data.*', '../data.export', 'data..export', 'Data.Export', 'data.export '].map(
    (action) => row('B035', `the action ${JSON.stringify(action)}`, { action }, { pointer: '/action' }),
  ),
  ...['Prod', '\u0440rod', 'prod ', 'pro\u200bd'].map((environment) =>
    row('B036', `the environment ${JSON.stringify(environment)}`, { environment }, { pointer: '/environment' }),
  ),
]

const identity: IntentRow[] = [
  row('B037', 'a tenant in the body', { tenant: marker }, unknownField),
  row('B037', 'a tenantId in the body', { tenantId: '00000000-0000-4000-8000-000000000000' }, unknownField),
  row(
    'B038',
    'an agent of nobody',
    { agent: { name: 'other-bot' } },
    { status: 403, code: 'agent_not_yours', pointer: '/agent/name' },
  ),
  row('B039', 'a requester in the body', { requester: marker }, unknownField),
  row('B039', 'a subject beside the agent', { agent: { ...agent, sub: marker } }, unknownField),
]

const impossible = { code: 'time_invalid' }
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString()
const times: IntentRow[] = ['deadline', 'occurredAt'].flatMap((name) => [
  row('B041', `${name} on 30 February`, { [name]: '2027-02-30T10:00:00.000Z' }, impossible),
  row('B041', `${name} on 29 February of a common year`, { [name]: '2027-02-29T10:00:00Z' }, impossible),
  ...[
    '2027-03-01T24:00:00Z',
    '2027-03-01T10:00:60Z',
    '2027-03-01T10:60:00Z',
    '2027-13-01T10:00:00Z',
    '2027-03-01T10:00:00',
    '2027-03-01T10:00:00+01:00',
    '2027-03-01',
    '9999-12-31T23:59:59Z',
    '+275760-09-13T00:00:00Z',
    '1764000000',
    marker,
  ].map((value) => row('B041', `${name} as ${value}`, { [name]: value }, { pointer: `/${name}` })),
])
const deadlines: IntentRow[] = [
  row('B041', 'what happened in ten minutes', { occurredAt: inMs(600_000) }, { ...impossible, pointer: '/occurredAt' }),
  ...[
    ['in the past', -60_000],
    ['in 20 seconds', 20_000],
    ['in 31 days', 31 * 86_400_000],
  ].map(([what, ms]) =>
    row(
      'B042',
      `a deadline ${what}`,
      { deadline: inMs(Number(ms)) },
      { code: 'deadline_invalid', pointer: '/deadline' },
    ),
  ),
  ...[0, -1, 1e9, 0.5, '60'].map((ttl) => row('B043', `a ttl of ${ttl}`, { ttl }, unknownField)),
]

const smuggled: IntentRow[] = [
  ...['not-a-uuid', '00000000-0000-0000-0000-000000000000', '0199F1F0-0000-7000-8000-000000000001'].map((id) =>
    row('B045', `an intentId ${id}`, { intentId: id }, unknownField),
  ),
  row('B045', 'an id', { id: marker }, unknownField),
  row(
    'B046',
    'parameters of 32 KiB and some',
    { parameters: { a: Array(5).fill('a'.repeat(8_000)) } },
    {
      status: 413,
      code: 'body_too_large',
      pointer: '/parameters',
    },
  ),
  ...['approvers', 'quorum', 'seats', 'reviewers'].map((name) =>
    row('B049', `${name} chosen by the requester`, { [name]: [marker] }, unknownField),
  ),
  ...Object.entries({ pre_approved: true, preApproved: true, risk: 'low', status: 'approved', state: 'approved' }).map(
    ([name, value]) => row('B050', `${name} in the body`, { [name]: value }, unknownField),
  ),
  ...['context', 'contextUrl', 'callbackUrl', 'webhook'].map((name) =>
    row('B051', `a ${name}`, { [name]: `http://169.254.169.254/${marker}` }, unknownField),
  ),
  row('B053', 'an attachment', { attachments: [`data:text/plain,${marker}`] }, unknownField),
  row(
    'B053',
    'a data URI of 9 KiB',
    { parameters: { file: `data:;base64,${'A'.repeat(9_000)}` } },
    {
      code: 'string_too_long',
    },
  ),
  row('B054', 'rows in Arabic digits', { impact: { rows: '١٢' } }),
  ...['2.0', '0.3'].map((version) => row('B055', `specversion ${version}`, { specversion: version }, unknownField)),
  ...[0, 2, 999].map((version) => row('B055', `bindingVersion ${version}`, { bindingVersion: version }, unknownField)),
  row('B055', 'binding_version 0', { binding_version: 0 }, unknownField),
]

export const intentRows: readonly IntentRow[] = [
  ...missing,
  ...wrongTypes,
  ...texts,
  ...identity,
  ...times,
  ...deadlines,
  ...smuggled,
]
