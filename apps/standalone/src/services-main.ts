import 'reflect-metadata'
import { type CommandLine, runToEnd, startCommand } from './command-line.ts'
import { runServices } from './run-services.ts'

const options = startCommand(
  'npm run services --',
  'Runs each service of Countersign and the relay as a process of its own on Apache Kafka, each under its own database role\nand Kafka principal, with a demo identity provider and a demo Slack. On loopback; Ctrl-C stops all.',
  'info',
)
  .option('--with-kafka', 'start the broker of npm run kafka too where none is, and stop it at the end')
  .addHelpText(
    'after',
    `
Settings from the environment:
  DATABASE_URL         superuser's URL of a PostgreSQL of yours; without it one of its own is started
  KAFKA_BROKERS        brokers of yours, host:port, comma separated; without it those of npm run kafka in the data folder
  KAFKA_SECRETS_FILE   passwords of the principals, as npm run kafka writes them; without it no principals: unsafe
  KAFKA_SASL_MECHANISM KAFKA_TLS KAFKA_CA_FILE   as docs/reference/configuration.md says

Examples:
  npm run kafka                      in one terminal
  npm run services                   in another
  npm run services -- --with-kafka   both in one
`,
  )
  .parse()
  .opts<CommandLine & { withKafka?: boolean }>()

await runToEnd(options, (print, signal) =>
  runServices(
    {
      ...options,
      policyFolder: options.policies,
      certificates: options,
      signal,
      env: process.env,
      withKafka: options.withKafka === true,
    },
    print,
  ),
)
