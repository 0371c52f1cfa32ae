import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { migrateBus } from '@countersign/bus'
import { isRefusal, type GrantView, type ReceiptView } from '@countersign/contracts'
import { storeRoles } from '@countersign/event-store'
import { intakeBench, type IntakeBench } from '@countersign/intake/intake-fixture'
import { clientToken, type IdentityProvider, startIdentityProvider } from '@countersign/loopback/identity-provider'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { call } from '../instance/call.ts'
import { freePorts } from '../instance/free-ports.ts'
import { ServiceProcess } from '../instance/service-process.ts'

const audience = 'https://countersign.example'
const client = { clientId: 'etl-bot', clientSecret: 'a secret of the etl-bot' }
const grantCount = 40
/** Receipts after which intake is killed, each time in the middle of others. */
const killAfter = [3, 15]

let provider: IdentityProvider
let bench: IntakeBench
let url: string
let settings: Record<string, string>
beforeAll(async () => {
  const clients = [{ kind: 'agent' as const, ...client }]
  provider = await startIdentityProvider({ port: 0, people: [], clients, audience })
  bench = await intakeBench({ issuer: provider.issuer })
  const owner = new pg.Client({ connectionString: bench.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.intake] })
  await owner.end()
  const port = await freePorts(1)
  url = `http://127.0.0.1:${port}`
  settings = {
    HTTP_PORT: String(port),
    DATABASE_URL: bench.urlOf('intake'),
    ...bench.markSettings,
    OIDC_ISSUER: provider.issuer,
    OIDC_AUDIENCE: audience,
    DEPLOYMENT_KEY_FILE: bench.deploymentKeyFile,
    GRANT_KEY_FILE: bench.keyFile,
    PUBLIC_URL: 'https://countersign.example',
  }
})
afterAll(async () => {
  await bench.close()
  await provider.stop()
})

const granted = async (): Promise<GrantView> => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId, { grantTtlMs: 900_000, collectWithinMs: 900_000 })
  const grant = await bench.issue.handle(bench.caller, intentId)
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}

it('intake that is killed again and again loses no redemption, makes none twice, and answers each as before', async () => {
  const token = await clientToken({ issuer: provider.issuer, audience, ...client })
  const grants: GrantView[] = []
  while (grants.length < grantCount) grants.push(await granted())
  const { action, target, environment, parameters } = bench.body()
  const receipts = new Map<string, ReceiptView>()

  /** A careful client: the same redemption at every try, until it has an answer that is no outage. */
  const redeem = async ({ grantId, token: proof }: GrantView, redemptionId: string): Promise<ReceiptView> => {
    for (;;) {
      const body = { token: proof, redemptionId, action, target, environment, parameters }
      const answer = await call<ReceiptView>(`${url}/v1/grants/${grantId}/redeem`, { token, body }).catch(
        () => undefined,
      )
      if (answer?.status === 200) return answer.body
      if (answer !== undefined && answer.status !== 503)
        throw new Error(`answered with ${answer.status} ${answer.code}`)
      await pause(20)
    }
  }
  const redemptions = new Map(grants.map(({ grantId }) => [grantId, randomUUID()]))
  const everybody = Promise.all(
    grants.map(async (grant) => {
      receipts.set(grant.grantId, await redeem(grant, redemptions.get(grant.grantId) ?? ''))
    }),
  )
  let intake = await ServiceProcess.start('intake', settings)
  for (const count of killAfter) {
    while (receipts.size < count) await Promise.race([everybody, pause(1)])
    await intake.kill()
    intake = await ServiceProcess.start('intake', settings)
  }
  await everybody

  for (const grant of grants) {
    const redemptionId = redemptions.get(grant.grantId) ?? ''
    const used = (await bench.history(grant.intentId)).filter(({ type }) => type === 'GrantRedeemed')
    expect(used.map(({ data }) => data)).toMatchObject([{ redemptionId }])
    expect((await redeem(grant, redemptionId)).receiptId).toBe(receipts.get(grant.grantId)?.receiptId)
  }
  await intake.kill()
}, 300_000)
