import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startIdentityProvider, type IdentityProvider } from '@countersign/loopback/identity-provider'
import { startLoopbackSlack, type LoopbackSlack } from '@countersign/loopback/slack'
import { demoPeople, demoWorld } from '../demo-world.ts'
import type { DataDir, Secrets } from '../open-data-dir/open-data-dir.ts'

const attempts = 20

/** Starts something on `port` or the next free one. */
const onFreePort = async <Started>(
  port: number,
  start: (port: number) => Promise<Started>,
  taken: (port: number) => void,
): Promise<Started> => {
  for (let candidate = port; ; candidate++) {
    try {
      return await start(candidate)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || candidate === port + attempts) throw error
      taken(candidate)
    }
  }
}

/**
 * The demo identity provider: a real one, with two people and the clients of the demo. Its
 * address is part of every identity, so it keeps the port of the first start.
 */
export const startDemoIdentityProvider = async (
  dataDir: DataDir,
  { firstPort, baseUrl, taken }: { firstPort: number; baseUrl: string; taken: (port: number) => void },
): Promise<IdentityProvider> => {
  const portFile = join(dataDir.path, 'identity-provider-port')
  const start = (port: number): Promise<IdentityProvider> =>
    startIdentityProvider({
      port,
      signingKeyFile: dataDir.identityProviderKeyFile,
      ...demoIdentities(dataDir.secrets, baseUrl),
    })
  if (!existsSync(portFile)) {
    const started = await onFreePort(firstPort, start, taken)
    writeFileSync(portFile, new URL(started.issuer).port, { mode: 0o600 })
    return started
  }
  const port = Number(readFileSync(portFile, 'utf8'))
  try {
    return await start(port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(
      `port ${port} is taken. The identity provider of this data folder must have it, because its address is part of every identity. Free the port, or use another --data-dir`,
      { cause: error },
    )
  }
}

/** Who the demo identity provider knows: two people, the clients of an agent, the replay, the command line and the pages. */
export const demoIdentities = (
  { clientSecrets, passwords }: Pick<Secrets, 'clientSecrets' | 'passwords'>,
  baseUrl: string,
) => ({
  audience: demoWorld.audience,
  people: demoPeople.map((sub) => ({
    sub,
    name: demoWorld.people[sub].name,
    email: demoWorld.people[sub].email,
    password: passwords[sub],
    amr: ['pwd', 'mfa'],
  })),
  clients: [
    { kind: 'agent' as const, clientId: demoWorld.agent, clientSecret: clientSecrets['etl-bot'] },
    { kind: 'agent' as const, clientId: 'replay', clientSecret: clientSecrets.replay },
    { kind: 'cli' as const, clientId: demoWorld.cliClientId },
    { kind: 'web' as const, clientId: demoWorld.pagesClientId, redirectUris: [`${baseUrl}/me/sign-in/callback`] },
  ],
})

/** The workspace of the demo Slack: its people, its channel, and the secrets that it shares with the app. */
export const demoWorkspace = (secrets: Pick<Secrets, 'slackSigningSecret' | 'slackBotToken'>) => {
  const [first, ...others] = demoPeople.map((sub) => ({
    id: demoWorld.people[sub].slackUser,
    name: sub,
    realName: demoWorld.people[sub].name,
    email: demoWorld.people[sub].email,
  }))
  if (first === undefined) throw new Error('the demo has people')
  return {
    signingSecret: secrets.slackSigningSecret,
    botToken: secrets.slackBotToken,
    people: [first, ...others] as const,
    channels: [demoWorld.slackChannel],
  }
}

/** The demo Slack: a workspace on loopback that shows cards as a page and signs its callbacks as Slack does. */
export const startDemoSlack = (
  dataDir: DataDir,
  { port, eventsUrl, taken }: { port: number; eventsUrl: string; taken: (port: number) => void },
): Promise<LoopbackSlack> =>
  onFreePort(
    port,
    (candidate) => startLoopbackSlack({ port: candidate, eventsUrl, ...demoWorkspace(dataDir.secrets) }),
    taken,
  )
