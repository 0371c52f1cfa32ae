import 'reflect-metadata'
import { startTelemetry } from '@countersign/service-kit'
import { type CommandLine, runToEnd, startCommand } from './command-line.ts'
import { runStandalone } from './run-standalone.ts'

const options = startCommand(
  'npm start --',
  'Runs all of Countersign in one process: PostgreSQL, the services, a demo identity provider and a demo Slack.\nFor one machine, on loopback only. Everything is kept in the data folder; Ctrl-C stops it.',
  'warn',
)
  .addHelpText('after', '\nExamples:\n  npm start\n  npm start -- --data-dir /tmp/try --port 9000\n')
  .parse()
  .opts<CommandLine>()

const telemetry = await startTelemetry({
  service: 'countersign',
  traces: options.traceFile === undefined ? { kind: 'off' } : { kind: 'file', path: options.traceFile },
  ratio: options.traceRatio,
  ...(options.metricsPort === undefined ? {} : { prometheus: { host: '127.0.0.1', port: options.metricsPort } }),
})

await runToEnd(
  options,
  (print, signal) =>
    runStandalone({ ...options, policyFolder: options.policies, certificates: options, signal }, print),
  () => telemetry.stop(),
)
