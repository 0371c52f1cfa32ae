import 'reflect-metadata'
import { Command, InvalidArgumentError } from 'commander'
import { readSetup } from './setup.ts'

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const portOf = (text: string): number => {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('a port is a number from 1 to 65535')
  return port
}
const userOf = (text: string): number => {
  const user = Number(text)
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a user is a number')
  return user
}
const listed = (text: string): string[] => text.split(',').filter((name) => name !== '')
const collected = (path: string, before: readonly string[]): string[] => [...before, path]

const signalled = (): Promise<NodeJS.Signals> => {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  process.on('SIGTERM', resolve)
  process.on('SIGINT', resolve)
  return promise
}

const program = new Command('countersign-compose').description(
  'Jobs and stand-ins of docker-compose.yml. Jobs may be repeated: what is there stays.',
)

program
  .command('make-secrets')
  .description('generate keys, passwords and certificates, and give each service its own')
  .requiredOption('--folder <folder>', 'a folder each below it: made, and one for whoever gets some of it')
  .option('--producers <names>', 'principals that publish intents over Kafka', listed, ['etl', 'replay'])
  .option('--postgres <address>', 'where PostgreSQL is', 'postgres:5432')
  .option('--broker <address>', 'where services find the broker', 'kafka:9092')
  .option('--kafka-tls-port <port>', 'port of 127.0.0.1 for name and password over TLS', portOf, 9094)
  .option('--kafka-mtls-port <port>', 'port of 127.0.0.1 for certificates', portOf, 9095)
  .option('--owner <user>', 'number of the user and group that read them', userOf)
  .option('--own <folder>', 'a folder that this user has to be able to write; may be repeated', collected, [])
  .action(
    async (options: {
      folder: string
      producers: string[]
      postgres: string
      broker: string
      kafkaTlsPort: number
      kafkaMtlsPort: number
      owner?: number
      own: string[]
    }) => {
      const { makeSecrets } = await import('./make-secrets/make-secrets.ts')
      const outside = { tls: options.kafkaTlsPort, mtls: options.kafkaMtlsPort }
      const { written, kept, freezeCredential } = await makeSecrets({ ...options, outside })
      print(`${written.length} files of secrets written, ${kept} as they were`)
      if (freezeCredential !== undefined)
        print(`freeze credential, shown this once: ${freezeCredential}; it stops every grant without a sign-in`)
    },
  )

program
  .command('prepare-store')
  .description('create database, roles and schemas, and bring them up to date')
  .requiredOption('--setup <file>', 'setup.json of make-secrets')
  .action(async ({ setup }: { setup: string }) => {
    const { prepareStore } = await import('@countersign/standalone')
    const { superuserUrl, secrets } = readSetup(setup)
    await prepareStore(superuserUrl, secrets)
    print('database, roles and schemas are up to date')
  })

program
  .command('prepare-kafka')
  .description('create the topics, and allow each principal what is its own')
  .requiredOption('--setup <file>', 'setup.json of make-secrets')
  .option('--partitions <number>', 'of the topics that are created: more for several instances of a service', portOf, 1)
  .action(async ({ setup, partitions }: { setup: string; partitions: number }) => {
    const { grantsOf, prepareBroker, topicsOf } = await import('@countersign/kafka')
    const { kafka } = readSetup(setup)
    await prepareBroker({ ...kafka, partitions })
    const { length: topics } = topicsOf(kafka.producers)
    print(`${topics} topics and ${grantsOf(kafka.producers).length} rights are there`)
  })

program
  .command('seed')
  .description('register a tenant, two people and an agent')
  .requiredOption('--setup <file>', 'setup.json of make-secrets')
  .requiredOption('--base-url <url>', 'where clients reach the deployment')
  .requiredOption('--issuer <url>', 'identity provider')
  .requiredOption('--slack-url <url>', 'demo Slack')
  .requiredOption('--seeded <folder>', 'for settings of services that depend on it')
  .requiredOption('--credentials <folder>', 'for what the command line needs')
  .action(
    async (options: {
      setup: string
      baseUrl: string
      issuer: string
      slackUrl: string
      seeded: string
      credentials: string
    }) => {
      const { seed } = await import('./seed.ts')
      const tenants = await seed({ ...options, setup: readSetup(options.setup) })
      print(`tenant ${tenants.default} with two people and one agent is there`)
    },
  )

program
  .command('serve-demo')
  .description('serve the demo identity provider and the demo Slack')
  .requiredOption('--secrets <file>', 'demo.json of make-secrets')
  .requiredOption('--folder <folder>', 'where the identity provider keeps its key')
  .requiredOption('--base-url <url>', 'where the demo Slack finds the deployment')
  .requiredOption('--issuer-port <port>', 'port of the identity provider; part of every identity', portOf)
  .requiredOption('--slack-port <port>', 'port of the demo Slack', portOf)
  .action(
    async (options: { secrets: string; folder: string; baseUrl: string; issuerPort: number; slackPort: number }) => {
      const stop = signalled()
      const { serveDemo } = await import('./serve-demo.ts')
      const demo = await serveDemo(options)
      print(`identity provider ${demo.issuer}, Slack ${demo.slackUrl}`)
      await stop
      await demo.stop()
    },
  )

program
  .command('serve-front')
  .description('serve all services under one address')
  .requiredOption('--port <port>', 'port to listen on', portOf)
  .action(async ({ port }: { port: number }) => {
    const stop = signalled()
    const { serveFront } = await import('./serve-front.ts')
    const front = await serveFront(port)
    print(`listening on ${port}`)
    await stop
    await front.close()
  })

program.parseAsync().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
