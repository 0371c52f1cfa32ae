import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callsOf, findDeployment } from './deployment.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-deployment-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('the executor key of the environment', () => {
  it('is proven when a grant is collected', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    await writeFile(join(folder, 'executor.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const proofs: (string | string[] | undefined)[] = []
    const server = createServer((request, response) => {
      proofs.push(request.headers['dpop'])
      response.writeHead(403).end('{"code":"frozen"}')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const deployment = await findDeployment(
      { dataDir: folder, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      { COUNTERSIGN_EXECUTOR_KEY_FILE: join(folder, 'executor.pem'), XDG_CONFIG_HOME: folder },
    )
    const { client } = callsOf(deployment, async () => 'a-token')
    await expect(client.collect('an-intent')).rejects.toMatchObject({ code: 'frozen' })
    await new Promise((resolve) => server.close(resolve))
    expect(proofs).toEqual([expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/)])
  })

  it('that is no key ends the command, and nothing of the file is told', async () => {
    await writeFile(join(folder, 'executor.pem'), 'hunter2')
    const env = { COUNTERSIGN_EXECUTOR_KEY_FILE: join(folder, 'executor.pem'), XDG_CONFIG_HOME: folder }
    const found = findDeployment({ dataDir: folder, url: 'http://127.0.0.1:1' }, env)
    await expect(found).rejects.toThrow('the executor key cannot be read')
    await expect(found).rejects.not.toThrow('hunter2')
  })
})
