import { randomBytes, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRefusal, type IntentEvent, type PublishIntentBody } from '@countersign/contracts'
import {
  createDeploymentKeyFile,
  deploymentKeyFromFile,
  eventStore,
  intentStream,
  keyring,
  newId,
} from '@countersign/event-store'
import { freshStore } from '@countersign/event-store/spec-store'
import { loadPolicySet, type PolicySource } from '@countersign/policy-engine'
import { ActivePolicy } from './active-policy.ts'
import type { ClientCaller } from './caller.ts'
import { IssueGrant } from './issue-grant/issue-grant.handler.ts'
import { migrateIntake } from './migrate-intake.ts'
import { PublishIntent } from './publish-intent/publish-intent.handler.ts'
import { RedeemGrant } from './redeem-grant/redeem-grant.handler.ts'
import { Registers } from './register-agent/register.handler.ts'
import { ReportExecution } from './report-execution/report-execution.handler.ts'
import { RevokeGrant } from './revoke-grant/revoke-grant.handler.ts'
import { createLog } from '@countersign/service-kit'
import { followGrantKeys } from './signing-key.ts'
import { WithdrawIntent } from './withdraw-intent/withdraw-intent.handler.ts'

const policies = new URL('../../../policies/', import.meta.url)

const samplePolicies = (): PolicySource => {
  const files = readdirSync(policies).filter((name) => name.endsWith('.cedar'))
  return {
    schema: readFileSync(
      new URL(readdirSync(policies).find((name) => name.endsWith('.cedarschema')) ?? '', policies),
      'utf8',
    ),
    policies: Object.fromEntries(files.map((name) => [name, readFileSync(new URL(name, policies), 'utf8')])),
  }
}

/** Intake's handlers on a real store with one producer, its agent and an active policy set; policy is played by its role. */
export const intakeBench = async ({ issuer = 'https://id.example' } = {}) => {
  const store = await freshStore()
  const { tenantId } = store
  await migrateIntake(store.urlOf('owner'))
  const folder = mkdtempSync(join(tmpdir(), 'intake-spec-'))
  const keyFile = join(folder, 'grant.pem')
  writeFileSync(keyFile, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  })
  await createDeploymentKeyFile(join(folder, 'deployment.key'))
  const pool = store.poolOf('intake')
  const events = eventStore(pool, { metadata: { service: 'intake' } })
  const keys = keyring({ pool, deploymentKey: await deploymentKeyFromFile(join(folder, 'deployment.key')) })
  const grantKeys = followGrantKeys({ signing: keyFile }, createLog({ service: 'intake', level: 'silent' }))
  const registers = new Registers(events)
  const owner = { ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true }
  await registers.producer({ tenantId, producer: 'etl', issuer, clientId: 'etl', ...owner })
  await registers.agent({
    tenantId,
    agent: 'etl-bot',
    kind: 'agent',
    producer: 'etl',
    issuer,
    clientId: 'etl-bot',
    ...owner,
  })

  const source = samplePolicies()
  const loaded = loadPolicySet(source)
  if (!loaded.ok) throw new Error('the sample policy set does not load')
  const admin = store.superuser
  await admin.query(
    'insert into countersign.policy_set (tenant_id, digest, bundle, seeded) values ($1, $2, $3, true)',
    [tenantId, loaded.digest, JSON.stringify(source)],
  )
  await admin.query('insert into countersign.active_policy_set (tenant_id, digest) values ($1, $2)', [
    tenantId,
    loaded.digest,
  ])

  const policyStore = eventStore(store.poolOf('policy'), { metadata: { service: 'policy' } })
  const caller: ClientCaller = {
    kind: 'client',
    tenantId,
    producer: 'etl',
    producerOwner: { subjectId: null, group: null },
    issuer,
    subject: 'etl-bot',
    clientId: 'etl-bot',
    agent: 'etl-bot',
    chain: [],
  }
  const body = (change: Partial<PublishIntentBody> = {}): PublishIntentBody => ({
    agent: { name: 'etl-bot', model: { name: 'm-4' } },
    action: 'data.read',
    target: 'orders',
    environment: 'production',
    parameters: { table: 'orders', limit: 10 },
    rationale: 'a report needs it',
    ...change,
  })
  const publish = new PublishIntent({ store: events, keyring: keys, deadlineMs: 3_600_000 })
  const alerts: string[] = []
  return {
    ...store,
    events,
    caller,
    body,
    publish,
    pool,
    registers,
    issuer,
    keyFile,
    keys,
    deploymentKeyFile: join(folder, 'deployment.key'),
    /** Registers somebody with the directory, as notifier would. */
    addPerson: async (sub: string, groups: readonly string[] = []) => {
      const subjectId = newId()
      await admin.query(
        `insert into countersign.subject (tenant_id, subject_id, iss, sub, salt) values ($1, $2, $3, $4, sha256('s'))`,
        [tenantId, subjectId, issuer, sub],
      )
      await admin.query('insert into countersign.person (tenant_id, subject_id, display_name) values ($1, $2, $3)', [
        tenantId,
        subjectId,
        sub,
      ])
      for (const group of groups) {
        await admin.query(
          'insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, $2, $3)',
          [tenantId, group, subjectId],
        )
      }
      return subjectId
    },
    /** Data of recorded attempts of a type, oldest first. */
    attempts: async (type: string) => {
      const { rows } = await admin.query<{ data: Record<string, unknown> }>(
        `select data from countersign.event where kind = 'attempts' and type like '%.' || $1 || '.v1' order by position`,
        [type],
      )
      return rows.map(({ data }) => data)
    },
    publishOne: async (
      idempotencyKey: string = randomBytes(8).toString('hex'),
      change: Partial<PublishIntentBody> = {},
    ) => {
      const [answer] = await publish.handle([{ caller, body: body(change), idempotencyKey }])
      if (answer === undefined || answer instanceof Error || isRefusal(answer))
        throw new Error('not published', { cause: answer })
      return answer.view
    },
    /** Plays policy: allows the intent, collectable for so long. */
    allow: async (intentId: string, { collectWithinMs = 60_000, grantTtlMs = 60_000 } = {}) => {
      const ref = intentStream(tenantId, intentId)
      await policyStore.execute(
        { streams: [ref] },
        {
          decide: (_command, at) => {
            const allowed: IntentEvent = {
              type: 'IntentAllowed',
              data: {
                intentId,
                rules: ['reads-are-free'],
                collectBefore: new Date(Date.parse(at.now) + collectWithinMs).toISOString(),
                grantTtlMs,
              },
            }
            return { append: [{ stream: ref, events: [allowed] }], answer: undefined }
          },
        },
      )
    },
    issue: new IssueGrant({
      store: events,
      keyring: keys,
      policy: new ActivePolicy(),
      keys: grantKeys,
      issuer: 'https://countersign.example',
    }),
    redeem: new RedeemGrant({
      pool,
      store: events,
      keyring: keys,
      keys: grantKeys,
      issuer: 'https://countersign.example',
      reportWithinMs: 60_000,
    }),
    revoke: new RevokeGrant(pool, events),
    report: new ReportExecution(pool, events, ({ refused }) => alerts.push(refused)),
    /** Runs that were reported without a redeemed grant, by the code of their refusal. */
    alerts,
    withdraw: new WithdrawIntent(events),
    /** Events of an intent, by name. */
    history: async (intentId: string, kind: 'intent' | 'attempts' = 'intent') => {
      const ref = { kind, streamId: intentId, tenantId } as const
      return (await events.load([ref])).of(ref).events
    },
    newId,
    close: async () => {
      await store.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type IntakeBench = Awaited<ReturnType<typeof intakeBench>>
