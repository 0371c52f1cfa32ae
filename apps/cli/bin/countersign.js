#!/usr/bin/env node
const [major] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(
    `countersign needs Node 24; this is ${process.versions.node}. Run it with npx countersign in the clone, which brings its own where it can.\n`,
  )
  process.exit(1)
}
const { run } = await import('../dist/index.js')
const stop = new AbortController()
let asked = 0
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    asked += 1
    // A second request does not wait for anything.
    if (asked > 1) process.exit(130)
    stop.abort(new Error('interrupted'))
  })
}
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await run(process.argv.slice(2), {
  streams: { stdout: process.stdout, stderr: process.stderr },
  env: process.env,
  signal: stop.signal,
})
// Connections that are kept alive must not keep the process, but what was printed has to be out.
process.stdout.write('', () => process.stderr.write('', () => process.exit()))
