import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../exit-codes.ts'

type PublicKey = { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string; readonly kid: string }
/** What a key of a deployment does now. */
export type KeyRole = 'signs' | 'signs next' | 'verifies'
export type ListedKey = { readonly kid: string; readonly role: KeyRole }

const publicKeyOf = (key: KeyObject): PublicKey => {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  if (key.asymmetricKeyType !== 'ed25519' || x === undefined) throw new Failure('the grant key is not an Ed25519 key')
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
  return { kty: 'OKP', crv: 'Ed25519', x, kid }
}

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Failure(`${path} cannot be read`, { why: error.code })
  })

/** Written whole or not at all, readable by its owner alone. */
const replace = async (path: string, content: string): Promise<void> => {
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await chmod(`${path}.new`, 0o600)
  await rename(`${path}.new`, path)
}

/** The keys of grants and receipts in the `keys` folder of a data folder. Intake follows them. */
export const keyFolder = (dataDir: string) => {
  const file = (name: string): string => join(dataDir, 'keys', name)
  const [signing, next, verifying] = [file('grant.pem'), file('grant-next.pem'), file('grant-keys.json')]

  const readKey = async (path: string): Promise<PublicKey | undefined> => {
    const pem = await textOf(path)
    return pem === undefined ? undefined : publicKeyOf(createPrivateKey(pem))
  }
  const readCurrent = async (): Promise<PublicKey> => {
    const current = await readKey(signing)
    if (current === undefined)
      throw new Failure(`there is no grant key in ${dataDir}`, { next: 'Name the data folder with --data-dir.' })
    return current
  }
  const readVerifying = async (): Promise<PublicKey[]> => {
    const { keys = [] } = JSON.parse((await textOf(verifying)) ?? '{}') as { keys?: PublicKey[] }
    return keys
  }
  const publish = async (...added: readonly PublicKey[]): Promise<void> => {
    const known = await readVerifying()
    const fresh = added.filter(({ kid }) => !known.some((key) => key.kid === kid))
    if (fresh.length > 0) await replace(verifying, `${JSON.stringify({ keys: [...known, ...fresh] }, null, 2)}\n`)
  }

  const list = async (): Promise<ListedKey[]> => {
    const [current, coming] = [await readCurrent(), await readKey(next)]
    const others = (await readVerifying()).filter(({ kid }) => kid !== current.kid && kid !== coming?.kid)
    return [
      { kid: current.kid, role: 'signs' },
      ...(coming === undefined ? [] : [{ kid: coming.kid, role: 'signs next' } as const]),
      ...others.map(({ kid }): ListedKey => ({ kid, role: 'verifies' })),
    ]
  }

  /** Makes the next key and has its public half published; again, it is the same. */
  const prepare = async (): Promise<string> => {
    await readCurrent()
    if ((await readKey(next)) === undefined) {
      const { privateKey } = generateKeyPairSync('ed25519')
      await replace(next, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    }
    const coming = await readKey(next)
    if (coming === undefined) throw new Failure('the next key could not be written')
    await publish(coming)
    return coming.kid
  }

  /** Lets the next key sign; the former verifies on, and its private half is gone. */
  const rotate = async (): Promise<{ readonly kid: string; readonly former: string }> => {
    const former = await readCurrent()
    const kid = await prepare()
    await publish(former)
    await rename(next, signing)
    return { kid, former: former.kid }
  }

  /** Takes a former key out: what it signed is good for nothing here any more. */
  const retire = async (kid: string): Promise<void> => {
    const role = (await list()).find((key) => key.kid === kid)?.role
    if (role === undefined) throw new Failure('there is no such key', { next: 'countersign keys lists them.' })
    if (role !== 'verifies')
      throw new Failure(`this key ${role}`, { next: 'Only a key that no longer signs is retired.' })
    const keys = (await readVerifying()).filter((key) => key.kid !== kid)
    await replace(verifying, `${JSON.stringify({ keys }, null, 2)}\n`)
  }

  return { list, prepare, rotate, retire }
}
