import { gzipSync } from 'node:zlib'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionOf } from './action-of.ts'
import { boundRequest, requestBounds } from './bounded-request.ts'
import { readCloudTrailRecord, type CloudTrailRecord } from './cloudtrail-record.ts'
import { intentFromCloudTrail } from './intent-from-cloudtrail.ts'
import { principalOf } from './principal-of.ts'
import { readRecords } from './read-records.ts'
import { summarize } from './summarize.ts'

const raw = (over: JsonObject = {}): JsonObject => ({
  eventSource: 'ec2.amazonaws.com',
  eventName: 'CreateVpc',
  eventTime: '2023-07-10T11:54:42Z',
  awsRegion: 'us-east-1',
  eventID: '39f95f43-cd2f-4beb-b69e-be60b6fe1f57',
  readOnly: false,
  recipientAccountId: '123837392027',
  userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::123837392027:user/bert-jan', userName: 'bert-jan' },
  requestParameters: {},
  ...over,
})
const record = (over: JsonObject = {}): CloudTrailRecord => {
  const read = readCloudTrailRecord(raw(over))
  if (read === undefined) throw new Error('not a record')
  return read
}
const action = (service: string, operation: string, over: JsonObject = {}) => {
  const made = record({ eventSource: `${service}.amazonaws.com`, eventName: operation, ...over })
  return actionOf(made, principalOf(made))
}

describe('an intent out of a CloudTrail record', () => {
  it('names who, what, on what, where and when', () => {
    expect(
      intentFromCloudTrail(record({ requestParameters: { vpcId: 'vpc-1' } }), { '123837392027': 'staging' }),
    ).toEqual({
      idempotencyKey: 'cloudtrail-39f95f43-cd2f-4beb-b69e-be60b6fe1f57',
      principalKind: 'person',
      body: {
        agent: { name: 'user/bert-jan' },
        action: 'cloud.create',
        target: 'ec2:us-east-1:vpc-1',
        environment: 'staging',
        occurredAt: '2023-07-10T11:54:42Z',
        parameters: {
          service: 'ec2',
          operation: 'CreateVpc',
          region: 'us-east-1',
          account: '123837392027',
          request: { vpcId: 'vpc-1' },
        },
      },
    })
  })

  it('takes an account that nobody mapped for production, and a region before its account', () => {
    const map = { '123837392027': 'staging', '123837392027/us-east-1': 'test' }
    expect(intentFromCloudTrail(record()).body.environment).toBe('production')
    expect(intentFromCloudTrail(record(), map).body.environment).toBe('test')
    expect(intentFromCloudTrail(record({ awsRegion: 'eu-west-1' }), map).body.environment).toBe('staging')
  })

  it('gives a record without an id the same key each time, and another record another', () => {
    const { eventID: _, ...without } = raw()
    const key = (over: JsonObject) => {
      const read = readCloudTrailRecord({ ...without, ...over })
      return read && intentFromCloudTrail(read).idempotencyKey
    }
    expect(key({})).toMatch(/^cloudtrail-sha256-[0-9a-f]{64}$/)
    expect(key({})).toBe(key({}))
    expect(key({ eventName: 'DeleteVpc' })).not.toBe(key({}))
  })

  it.each([
    ['user/bert-jan', 'person', { type: 'IAMUser', userName: 'Bert-Jan' }],
    ['root', 'person', { type: 'Root', arn: 'arn:aws:iam::1:root' }],
    [
      'role/deployer',
      'person',
      { type: 'AssumedRole', arn: 'arn:aws:sts::1:assumed-role/deployer/whatever-they-call-it' },
    ],
    [
      'role/web/i-0dbc91f429e48eeed',
      'pipeline',
      { type: 'AssumedRole', arn: 'arn:aws:sts::1:assumed-role/web/i-0dbc91f429e48eeed' },
    ],
    ['aws-service/rds.amazonaws.com', 'pipeline', { type: 'AWSService', invokedBy: 'rds.amazonaws.com' }],
    [
      'role/awsserviceroleforrds',
      'person',
      { type: 'AssumedRole', arn: 'arn:aws:sts::1:assumed-role/AWSServiceRoleForRDS/x' },
    ],
    ['user/unknown', 'person', {}],
    ['user/a-b-c', 'person', { type: 'IAMUser', userName: 'a b\u202ec' }],
  ])('knows %s as a %s', (name, kind, userIdentity) => {
    expect(principalOf(record({ userIdentity }))).toEqual({ name, kind })
  })

  it.each([
    ['audit.disable', 'cloudtrail', 'PutEventSelectors', { requestParameters: { eventSelectors: [] } }],
    [
      'audit.disable',
      'cloudtrail',
      'PutEventSelectors',
      { requestParameters: { eventSelectors: [{ readWriteType: 'WriteOnly', includeManagementEvents: true }] } },
    ],
    ['audit.disable', 'cloudtrail', 'PutEventSelectors', { requestParameters: null }],
    [
      'audit.change',
      'cloudtrail',
      'PutEventSelectors',
      { requestParameters: { eventSelectors: [{ readWriteType: 'All', includeManagementEvents: true }] } },
    ],
    [
      'audit.change',
      'cloudtrail',
      'PutEventSelectors',
      {
        requestParameters: {
          advancedEventSelectors: [{ fieldSelectors: [{ field: 'eventCategory', equals: ['Management'] }] }],
        },
      },
    ],
    [
      'audit.disable',
      'cloudtrail',
      'PutEventSelectors',
      {
        requestParameters: {
          advancedEventSelectors: [
            {
              fieldSelectors: [
                { field: 'eventCategory', equals: ['Management'] },
                { field: 'readOnly', equals: ['true'] },
              ],
            },
          ],
        },
      },
    ],
    ['audit.disable', 'cloudtrail', 'UpdateTrail', { requestParameters: { isMultiRegionTrail: false } }],
    ['audit.change', 'cloudtrail', 'UpdateTrail', { requestParameters: { s3BucketName: 'x' } }],
    ['secret.read', 'ssm', 'GetParameter', { readOnly: true, requestParameters: { withDecryption: true } }],
    ['cloud.read', 'ssm', 'GetParameter', { readOnly: true, requestParameters: { withDecryption: false } }],
    ['secret.read', 'kms', 'Decrypt', { readOnly: true }],
    ['key.use', 'kms', 'Decrypt', { readOnly: true, userIdentity: { type: 'IAMUser', invokedBy: 'AWS Internal' } }],
    ['key.change', 'kms', 'ScheduleKeyDeletion', {}],
    ['identity.change', 'iam', 'CreateAccessKey', {}],
    ['compute.launch', 'lambda', 'CreateFunction20150331', {}],
    [
      'cloud.service',
      'ec2',
      'CreateNetworkInterface',
      { userIdentity: { type: 'AWSService', invokedBy: 'rds.amazonaws.com' } },
    ],
    [
      'audit.disable',
      'cloudtrail',
      'StopLogging',
      { userIdentity: { type: 'AWSService', invokedBy: 'rds.amazonaws.com' } },
    ],
    ['cloud.read', 'newservice', 'DescribeThings', { readOnly: true }],
    ['cloud.delete', 'newservice', 'DeleteThing', {}],
    ['cloud.change', 'newservice', 'FrobnicateThing', {}],
  ])('is %s for %s:%s %j', (expected, service, operation, over) => {
    expect(action(service, operation, over)).toBe(expected)
  })

  it('judges by the name when the record does not say whether it only read', () => {
    const { readOnly: _, ...without } = raw({ eventName: 'DescribeVpcs' })
    const read = readCloudTrailRecord(without)
    expect(read && actionOf(read, principalOf(read))).toBe('cloud.read')
  })

  it('bounds the request and says that it did', () => {
    let deep: JsonObject = { end: 1 }
    for (let level = 0; level < 20; level += 1) deep = { deep }
    const { request, cut } = boundRequest({
      deep,
      long: 'x'.repeat(5_000),
      many: Array.from({ length: 500 }, (_, index) => index),
      float: 0.5,
      odd: 'a\u0000b\ud800',
      constructor: 1,
    })
    expect(cut).toBe(4)
    expect(request).toMatchObject({ float: '0.5', odd: 'ab\ufffd' })
    expect(Object.keys(request)).not.toContain('constructor')
    expect(JSON.stringify(request).length).toBeLessThan(requestBounds.bytes)
    const huge = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`k${index}`, 'y'.repeat(1_000)]))
    expect(boundRequest(huge)).toEqual({ request: {}, cut: 1 })
  })
})

describe('reading a trail', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trail-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })
  const read = async (bytes: string | Uint8Array) => {
    const path = join(folder, 'trail')
    await writeFile(path, bytes)
    const lines: (number | [number, string])[] = []
    for await (const line of readRecords(path)) lines.push('record' in line ? line.line : [line.line, line.quarantined])
    return lines
  }
  const good = JSON.stringify(raw())

  it('sets bad lines aside by number and goes on', async () => {
    const lines = [good, '{"eventSource":', good, '{"a":1}', `"${'x'.repeat(1_100_000)}"`, '', good]
    expect(await read(lines.join('\r\n'))).toEqual([
      1,
      [2, 'invalid_json'],
      3,
      [4, 'not_a_record'],
      [5, 'line_too_long'],
      7,
    ])
    expect(await read(Buffer.concat([Buffer.from([0xff, 0xfe, 10]), Buffer.from(good)]))).toEqual([
      [1, 'invalid_utf8'],
      2,
    ])
  })

  it('reads what CloudTrail delivers: one document, on one line or indented, gzip or not', async () => {
    const document = { Records: [raw(), { not: 'one' }, raw()] }
    const expected = [1, [2, 'not_a_record'], 3]
    expect(await read(JSON.stringify(document))).toEqual(expected)
    expect(await read(JSON.stringify(document, null, 2))).toEqual(expected)
    expect(await read(gzipSync(JSON.stringify(document)))).toEqual(expected)
    expect(await read(gzipSync(`${good}\n${good}\n`))).toEqual([1, 2])
  })

  it('fails on a damaged archive instead of taking what was read for all', async () => {
    await expect(read(gzipSync(`${good}\n`.repeat(5_000)).subarray(0, -20))).rejects.toThrow()
  })

  it('is empty for an empty file', async () => {
    expect(await read('')).toEqual([])
  })
})

describe('the summary', () => {
  const outcome = (minute: number, principal: string, effect: 'allow' | 'review') => ({
    action: 'secret.read',
    principal,
    effect,
    rules: ['r'],
    occurredAt: `2023-07-10T10:${String(minute).padStart(2, '0')}:00Z`,
  })

  it('counts cards one by one and grouped by principal, action and quarter of an hour', () => {
    const outcomes = [
      outcome(0, 'a', 'review'),
      outcome(1, 'a', 'review'),
      outcome(20, 'a', 'review'),
      outcome(21, 'b', 'review'),
      outcome(30, 'b', 'allow'),
    ]
    expect(summarize(outcomes)).toMatchObject({
      total: { allow: 1, deny: 0, review: 4 },
      hours: 0.5,
      cards: { oneByOne: 4, grouped: 3, oneByOnePerHour: 8, groupedPerHour: 6 },
      byRule: [{ rule: 'r', count: 5 }],
    })
  })

  it('has an answer for nothing', () => {
    expect(summarize([])).toMatchObject({
      total: { allow: 0, deny: 0, review: 0 },
      cards: { oneByOne: 0, oneByOnePerHour: 0 },
    })
  })
})
