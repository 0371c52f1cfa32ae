import 'reflect-metadata'
import { fileURLToPath } from 'node:url'
import { startTelemetry } from '@countersign/service-kit'
import { Command, InvalidArgumentError } from 'commander'
import { stepPrinter } from './print-steps.ts'
import { printReady } from './print-ready.ts'
import { runStandalone } from './run-standalone.ts'

const [major] = process.versions.node.split('.').map(Number)
if (major === undefined || major < 24) {
  process.stderr.write(
    `Countersign needs Node 24; this is ${process.versions.node}. Run it with npm start, which brings its own where it can.\n`,
  )
  process.exit(1)
}

const portOf = (text: string): number => {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_000)
    throw new InvalidArgumentError('a port is a number from 1 to 65000')
  return port
}

const program = new Command('npm start --')
  .description(
    'Runs all of Countersign in one process: PostgreSQL, the services, a demo identity provider and a demo Slack.\nFor one machine, on loopback only. Everything is kept in the data folder; Ctrl-C stops it.',
  )
  .option('--data-dir <folder>', 'where everything is kept', '.countersign')
  .option('--port <number>', 'first port to try; identity provider and Slack take the next ones', portOf, 7400)
  .option(
    '--policies <folder>',
    'policy set that a new tenant starts with',
    fileURLToPath(new URL('../../../policies', import.meta.url)),
  )
  .option('--trace-file <file>', 'write OpenTelemetry spans there, one JSON line each')
  .option('--metrics-port <number>', 'serve Prometheus metrics on this port of 127.0.0.1', portOf)
  .option('--log-level <level>', 'least severe level that services log', 'warn')
  .addHelpText('after', '\nExamples:\n  npm start\n  npm start -- --data-dir /tmp/try --port 9000\n')
  .parse()

const options = program.opts<{
  dataDir: string
  port: number
  policies: string
  logLevel: string
  traceFile?: string
  metricsPort?: number
}>()
const print = stepPrinter(process.stdout)

const stopRequested = new Promise<NodeJS.Signals>((resolve) => {
  let asked = 0
  const ask = (signal: NodeJS.Signals): void => {
    asked += 1
    if (asked > 1) process.exit(1)
    resolve(signal)
  }
  process.on('SIGINT', ask)
  process.on('SIGTERM', ask)
})

const telemetry = await startTelemetry({
  service: 'countersign',
  traces: options.traceFile === undefined ? { kind: 'off' } : { kind: 'file', path: options.traceFile },
  ...(options.metricsPort === undefined ? {} : { prometheus: { host: '127.0.0.1', port: options.metricsPort } }),
})

try {
  const standalone = await runStandalone(
    { dataDir: options.dataDir, port: options.port, policyFolder: options.policies, logLevel: options.logLevel },
    print,
  )
  printReady(standalone, print)
  const reason = await Promise.race([stopRequested, standalone.broken.then(() => 'broken' as const)])
  print.line()
  print.line(reason === 'broken' ? 'PostgreSQL has ended by itself; see its log in the data folder' : 'stopping')
  const drained = await standalone.stop()
  await telemetry.stop()
  print.line(drained ? 'stopped, everything is kept' : 'stopped; something under way was broken off')
  process.exit(reason === 'broken' || !drained ? 1 : 0)
} catch (error) {
  process.stderr.write(`\nCountersign could not start: ${error instanceof Error ? error.message : String(error)}\n`)
  if (options.logLevel === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exit(1)
}
