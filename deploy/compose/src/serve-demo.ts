import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startIdentityProvider } from '@countersign/loopback/identity-provider'
import { startLoopbackSlack } from '@countersign/loopback/slack'
import { demoIdentities, demoWorkspace, type Secrets } from '@countersign/standalone'

export type ServeDemoOptions = {
  /** What `make-secrets` wrote for it. */
  readonly secrets: string
  /** Where the identity provider keeps its signing key. */
  readonly folder: string
  /** Where Slack sends what people press, and the provider those who signed in. */
  readonly baseUrl: string
  readonly issuerPort: number
  readonly slackPort: number
}

export type Demo = { readonly issuer: string; readonly slackUrl: string; readonly stop: () => Promise<void> }

/** The demo identity provider and the demo Slack, on ports that a container publishes on loopback. */
export const serveDemo = async (options: ServeDemoOptions): Promise<Demo> => {
  const secrets = JSON.parse(readFileSync(options.secrets, 'utf8')) as Secrets
  const provider = await startIdentityProvider({
    port: options.issuerPort,
    reach: 'everywhere',
    signingKeyFile: join(options.folder, 'identity-provider.json'),
    ...demoIdentities(secrets, options.baseUrl),
  })
  const slack = await startLoopbackSlack({
    port: options.slackPort,
    reach: 'everywhere',
    eventsUrl: `${options.baseUrl}/callbacks/slack`,
    ...demoWorkspace(secrets),
  })
  const stop = async (): Promise<void> => {
    await Promise.all([provider.stop(), slack.stop()])
  }
  return { issuer: provider.issuer, slackUrl: slack.origin, stop }
}
