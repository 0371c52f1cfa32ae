import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PublishIntentBody, type JsonObject } from '@countersign/contracts'
import { evaluate, loadPolicySet, type Evaluation, type PolicySet } from '@countersign/policy-engine'
import { Compile } from 'typebox/compile'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CloudTrailRecord } from './cloudtrail-record.ts'
import { intentFromCloudTrail, type ReplayedIntent } from './intent-from-cloudtrail.ts'
import { readRecords } from './read-records.ts'
import { attackSteps } from './stratus-steps.ts'
import { summarize } from './summarize.ts'

const root = new URL('../../../../', import.meta.url)
const trail = fileURLToPath(new URL('test/fixtures/cloudtrail/stratus-2023-07-10.jsonl.gz', root))

const sampleSet = (): PolicySet => {
  const folder = new URL('policies/', root)
  const files = readdirSync(folder).filter((file) => file.endsWith('.cedar'))
  const loaded = loadPolicySet({
    schema: readFileSync(new URL('schema.cedarschema', folder), 'utf8'),
    policies: Object.fromEntries(files.map((file) => [file, readFileSync(new URL(file, folder), 'utf8')])),
  })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.set
}

type Replayed = { record: CloudTrailRecord; intent: ReplayedIntent; decision: Evaluation }
const replayed: Replayed[] = []
const bad: number[] = []

beforeAll(async () => {
  const set = sampleSet()
  for await (const line of readRecords(trail)) {
    if (!('record' in line)) {
      bad.push(line.line)
      continue
    }
    const intent = intentFromCloudTrail(line.record)
    const { agent, action, target, environment, parameters } = intent.body
    const decision = evaluate(set, {
      agent: agent.name,
      principalKind: intent.principalKind,
      producer: 'replay',
      action,
      target,
      environment,
      onBehalfOf: false,
      parameters: parameters as JsonObject,
    })
    replayed.push({ record: line.record, intent, decision })
  }
})

const byAttacker = ({ record }: Replayed) => /^\[?stratus-red-team_/.test(record.userAgent ?? '')
const callOf = ({ record }: Replayed) => `${record.service}:${record.operation}`

describe('2,900 records of an attack exercise under the sample policy set', () => {
  it.each(attackSteps)('$technique: $call is stopped ($effect)', ({ call, records, effect, rule, where }) => {
    const calls = replayed.filter(
      (item) =>
        byAttacker(item) &&
        callOf(item) === call &&
        (where === undefined || where(JSON.stringify(item.record.request))),
    )
    expect(calls).toHaveLength(records)
    for (const { decision } of calls) expect(decision).toMatchObject({ effect, rules: [rule] })
  })

  it('allows the attacker nothing but plain reading', () => {
    const allowed = replayed.filter((item) => byAttacker(item) && item.decision.effect === 'allow')
    expect([...new Set(allowed.map(callOf))].toSorted()).toEqual([
      'ec2:DescribeAccountAttributes',
      'iam:ListAccessKeys',
      'rolesanywhere:ListProfiles',
      'rolesanywhere:ListTrustAnchors',
      'secretsmanager:ListSecrets',
      'ssm:DescribeInstanceInformation',
      'ssm:DescribeParameters',
      'ssm:GetCommandInvocation',
      'sts:GetCallerIdentity',
    ])
    expect(new Set(allowed.map(({ intent }) => intent.body.action))).toEqual(new Set(['cloud.read']))
  })

  it('denies or reviews every write of the attacker, the clean-up too', () => {
    const writes = replayed.filter((item) => byAttacker(item) && item.record.readOnly === false)
    expect(writes.length).toBe(48)
    for (const { decision } of writes) expect(decision.effect).not.toBe('allow')
  })

  it('decides every record by a rule and drops none as unmatched', () => {
    expect(bad).toEqual([])
    expect(replayed).toHaveLength(2_900)
    for (const { decision } of replayed) {
      expect(decision.rules.length).toBeGreaterThan(0)
      expect(decision.code ?? 'policy_denied').toBe('policy_denied')
    }
  })

  it('makes of each record an intent that can be published, once', () => {
    const body = Compile(PublishIntentBody)
    for (const { intent } of replayed) {
      expect(body.Check(intent.body)).toBe(true)
      expect(Buffer.byteLength(JSON.stringify(intent.body.parameters))).toBeLessThan(32_768)
      expect(intent.idempotencyKey).toMatch(/^[\u0021-\u007e]{1,255}$/)
    }
    expect(new Set(replayed.map(({ intent }) => intent.idempotencyKey)).size).toBe(2_900)
  })

  it('counts what would have been allowed, denied and reviewed, and the cards', () => {
    const summary = summarize(
      replayed.map(({ record, intent, decision }) => ({
        action: intent.body.action,
        principal: intent.body.agent.name,
        effect: decision.effect,
        rules: decision.rules,
        occurredAt: record.occurredAt,
      })),
    )
    expect(summary.total).toEqual({ allow: 2_248, deny: 11, review: 641 })
    expect(summary.cards).toEqual({ oneByOne: 641, grouped: 34, oneByOnePerHour: 693, groupedPerHour: 37 })
    expect(summary.byAction.map(({ name, counts }) => [name, counts.allow, counts.deny, counts.review])).toEqual([
      ['secret.read', 0, 0, 195],
      ['cloud.delete', 0, 0, 169],
      ['cloud.change', 0, 0, 113],
      ['identity.change', 0, 0, 92],
      ['identity.assume', 26, 0, 23],
      ['compute.launch', 0, 0, 14],
      ['audit.change', 0, 0, 9],
      ['audit.disable', 0, 8, 0],
      ['resource-policy.change', 0, 0, 6],
      ['snapshot.share', 0, 0, 6],
      ['code.replace', 0, 0, 4],
      ['network.open', 0, 0, 3],
      ['snapshot.remove', 0, 3, 0],
      ['storage.retention', 0, 0, 3],
      ['command.run', 0, 0, 2],
      ['identity.sign-in', 2, 0, 1],
      ['organization.change', 0, 0, 1],
      ['cloud.read', 1_842, 0, 0],
      ['key.use', 240, 0, 0],
      ['cloud.create', 76, 0, 0],
      ['cloud.service', 44, 0, 0],
      ['cloud.report', 18, 0, 0],
    ])
    expect(summary.byPrincipal.slice(0, 3)).toEqual([
      { name: 'user/bert-jan', counts: { allow: 2_038, deny: 11, review: 593 } },
      { name: 'role/stratus-red-team-ec2-get-password-data-role', counts: { allow: 0, deny: 0, review: 29 } },
      { name: 'role/stratus-red-team-get-usr-data-role', counts: { allow: 0, deny: 0, review: 15 } },
    ])
  })
})
