import { randomBytes, randomInt } from 'node:crypto'

/** A secret that exists nowhere else, and where it was planted. */
export type Canary = {
  /** Place where it was planted, in words. */
  readonly place: string
  readonly kind: string
  /** As somebody would paste it. */
  readonly secret: string
  /** The part of it that is its own: nothing of it may be found anywhere. */
  readonly core: string
}

const upper = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const mixed = `${upper}abcdefghijkmnopqrstuvwxyz`
const random = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')

const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
const claims = Buffer.from('{"sub":"1234567890","iat":1516239022}').toString('base64url')

/** A Visa number that passes its check digit. */
const cardNumber = (): string => {
  const digits = [4, ...Array.from({ length: 14 }, () => randomInt(10))]
  const sum = digits.reduce((total, digit, at) => {
    const doubled = at % 2 === 0 ? digit * 2 : digit
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return [...digits, (10 - (sum % 10)) % 10].join('')
}

/** How a secret of each kind is written around 24 characters of its own. */
const kinds: Readonly<Record<string, (core: string) => string>> = {
  github: (core) => `ghp_${core.padEnd(36, 'x')}`,
  slack: (core) => `xoxb-1234567890-${core}`,
  anthropic: (core) => `sk-ant-api03-${core}`,
  openai: (core) => `sk-proj-${core}`,
  npm: (core) => `npm_${core.padEnd(36, 'x')}`,
  stripe: (core) => `sk_live_${core}`,
  gitlab: (core) => `glpat-${core}`,
  vault: (core) => `hvs.${core}`,
  databaseUrl: (core) => `postgres://app:${core}@db.example.com:5432/shop`,
  awsId: (core) => `AKIA${core}`,
  awsSecret: (core) => `${core}${random(mixed, 36 - core.length)}a1B+`,
  privateKey: (core) => `-----BEGIN PRIVATE KEY-----\n${core}\n-----END PRIVATE KEY-----`,
  jwt: (core) => `${header}.${claims}.${core}`,
  password: (core) => `password=${core}`,
  google: (core) => `AIza${core.padEnd(35, 'x')}`,
  webhook: (core) => `whsec_${core}`,
  authorization: (core) => `Authorization: Bearer ${core}`,
}
export const kindNames = Object.keys(kinds)

/**
 * Plants canaries. The own part of each begins with the tag of the set, so that one search finds them all; card numbers and
 * hex keys can hold no tag and are searched for one by one.
 */
export class Canaries {
  readonly tag = random(upper, 10)
  readonly #planted: Canary[] = []

  get planted(): readonly Canary[] {
    return this.#planted
  }

  /** A new secret for this place; of the next kind in turn when none is named. */
  plant(place: string, kind = kindNames[this.#planted.length % kindNames.length] ?? ''): string {
    const number = String(this.#planted.length).padStart(3, '0')
    const core =
      kind === 'awsId' ? `${this.tag}${number}${random(upper, 3)}` : `${this.tag}${number}${random(mixed, 11)}`
    const write = kinds[kind]
    if (write === undefined) throw new Error(`there is no kind ${kind}`)
    return this.#keep({ place, kind, secret: write(core), core })
  }

  plantCard(place: string): string {
    const secret = cardNumber()
    return this.#keep({ place, kind: 'card', secret, core: secret })
  }

  plantHexKey(place: string): string {
    const secret = randomBytes(32).toString('hex')
    return this.#keep({ place, kind: 'hexKey', secret, core: secret })
  }

  #keep(canary: Canary): string {
    this.#planted.push(canary)
    return canary.secret
  }
}
