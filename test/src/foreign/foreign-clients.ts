import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Running } from '../running.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const python = join(root, '.countersign/foreign-clients/bin/python')
const examples = join(root, 'docs/examples')

/** The examples of the docs, which are what these tests run. */
export const programs = {
  python: [python, join(examples, 'ask-over-kafka.py')],
  kcat: ['bash', join(examples, 'ask-over-kafka.sh')],
  siem: [python, join(examples, 'collect-audit-rows.py')],
} as const

/** Clients that nobody here wrote and that are not installed; `tools/install-foreign-clients.sh` does that. */
export const missingClients = (): readonly string[] => [
  ...['kcat', 'jq', 'curl'].filter((program) => spawnSync('which', [program]).status !== 0),
  ...(existsSync(python) ? [] : ['confluent-kafka']),
]

/** How a foreign client reaches the broker of a running product as one of its principals. */
export const kafkaEnvironment = (
  { credentials, dataDir }: Running,
  principal: string,
  listener: 'tls' | 'mtls',
): Record<string, string> => {
  const scram = Number(credentials.kafka?.brokers[0]?.split(':')[1])
  const folder = join(dataDir, 'kafka')
  const { passwords } = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8')) as {
    readonly passwords: Record<string, string>
  }
  const trust = { KAFKA_CA_FILE: join(folder, 'tls', 'ca.crt') }
  return listener === 'tls'
    ? {
        ...trust,
        KAFKA_BROKERS: `localhost:${scram + 1}`,
        KAFKA_USERNAME: principal,
        KAFKA_PASSWORD: passwords[principal] ?? '',
      }
    : {
        ...trust,
        KAFKA_BROKERS: `localhost:${scram + 2}`,
        KAFKA_CERT_FILE: join(folder, 'tls', `${principal}.crt`),
        KAFKA_KEY_FILE: join(folder, 'tls', `${principal}.key`),
      }
}

/** What a producer of the demo is told about the deployment. */
export const producerEnvironment = ({ baseUrl, credentials }: Running): Record<string, string> => {
  const { clientId = '', clientSecret = '' } = credentials.agents['etl-bot'] ?? {}
  return {
    COUNTERSIGN_URL: baseUrl,
    COUNTERSIGN_ISSUER: credentials.issuer,
    COUNTERSIGN_AUDIENCE: credentials.audience,
    COUNTERSIGN_PRODUCER: 'etl',
    COUNTERSIGN_AGENT: 'etl-bot',
    COUNTERSIGN_CLIENT_ID: clientId,
    COUNTERSIGN_CLIENT_SECRET: clientSecret,
    WAIT_SECONDS: '120',
  }
}

export type ForeignProcess = {
  readonly child: ChildProcess
  /** Resolves with its exit code, or the signal that ended it, and all that it wrote. */
  readonly ended: Promise<{ readonly how: number | string; readonly output: string }>
}

/** Starts a foreign client with nothing of our environment but where programs are. */
export const startForeign = (
  [program, ...args]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): ForeignProcess => {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, args, { env: { PATH, HOME, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => ({
    how: code ?? signal ?? 'unknown',
    output,
  }))
  return { child, ended }
}
