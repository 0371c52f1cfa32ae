import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { defaultCacheDir } from '@countersign/kafka'
import { buildImage } from './build-image.ts'
import { Deployment, type Image, kafkaJars, type Row } from './deployment.ts'
import { whyNot } from './needed-programs.ts'
import { askFromOutside, callsOfCli, readAsSiem } from './use-deployment.ts'

const usage = `Builds the Dockerfile with buildah and runs every service of docker-compose.yml from the image, without an engine.

  npm run compose:check            leaves it out, loudly, where a program is missing
  REQUIRE_IMAGE=1                  fails instead
  COMPOSE_CACHE_DIR=<folder>       keeps the Debian base between runs (default: below .countersign)
`

const began = performance.now()
const print = (line: string): boolean => process.stdout.write(`${line}\n`)
const seconds = (): string => `${((performance.now() - began) / 1_000).toFixed(1)} s`.padStart(8)
const say = ({ service, what, outcome, ms }: Row): void => {
  print(`${`${(ms / 1_000).toFixed(1)} s`.padStart(8)}  ${service.padEnd(18)} ${what.padEnd(20)} ${outcome}`)
}
const timed = async (service: string, what: string, run: () => Promise<string>): Promise<void> => {
  const start = performance.now()
  say({ service, what, outcome: await run(), ms: performance.now() - start })
}

/** In a network namespace of its own, so that no port of this machine is taken and none is opened. */
const runDeployment = async (image: Image, jars: string): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-compose-'))
  const deployment = new Deployment({ folder, image, jars, say })
  try {
    await deployment.start()
    await timed('outside', 'countersign publish', async () => `allowed by ${await askFromOutside(deployment)}`)
    for (const call of callsOfCli)
      await timed('cli', call.slice(0, 2).join(' '), async () => (await deployment.run('cli', call)).at(-1) ?? '')
    await timed('outside', 'SIEM, mTLS on 9095', async () => `${await readAsSiem(deployment)} rows of the audit topic`)
  } finally {
    await deployment.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const inNamespace = async (image: Image, jars: string): Promise<void> => {
  const again = 'ip link set lo up && exec "$@"'
  const node = [
    process.execPath,
    ...process.execArgv,
    import.meta.filename,
    '--deployment',
    JSON.stringify({ image, jars }),
  ]
  const child = spawn('unshare', ['--net', 'sh', '-c', again, 'sh', ...node], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error('the services did not run as they should')
}

const checkImage = async (): Promise<void> => {
  const cacheDir =
    process.env['COMPOSE_CACHE_DIR'] ?? join(import.meta.dirname, '../../../../.countersign/compose/cache')
  const jars = await kafkaJars(defaultCacheDir())
  const image = await buildImage(cacheDir, (step) => print(`${seconds()}  ${step}`))
  try {
    print(`${seconds()}  image of ${image.megabytes} MB, base included`)
    await inNamespace(image, jars)
  } finally {
    await image.remove()
  }
  print(`${seconds()}  all services ran from the image; postgres:18, apache/kafka:4.1.1 and the base were stood in for`)
}

const run = async (): Promise<number> => {
  const [command, given] = process.argv.slice(2)
  if (command === '--help') print(usage)
  else if (command === '--deployment') {
    const { image, jars } = JSON.parse(given ?? '') as { image: Image; jars: string }
    await runDeployment(image, jars)
  } else {
    const reasons = whyNot()
    if (reasons.length === 0) await checkImage()
    else {
      print(`LEFT OUT: building the image and running its services. ${reasons.join('; ')}.`)
      return process.env['REQUIRE_IMAGE'] === '1' ? 1 : 0
    }
  }
  return 0
}

process.exitCode = await run().catch((error: unknown) => {
  print(error instanceof Error ? error.message : String(error))
  return 1
})
