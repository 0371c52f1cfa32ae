import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Somebody who can sign in. */
export type LoopbackPerson = {
  readonly sub: string
  readonly name: string
  readonly email: string
  readonly password: string
  /** How this person signs in, as in RFC 8176; `['pwd']` if absent. */
  readonly amr?: readonly string[]
  /** Authentication context class; `mfa` if amr says so, else `password`. */
  readonly acr?: string
}

export type Assurance = { readonly acr: string; readonly amr: string[] }

/** What signing in as this person proves. */
export function assuranceOf(person: LoopbackPerson): Assurance {
  const amr = [...(person.amr ?? ['pwd'])]
  return { acr: person.acr ?? (amr.includes('mfa') ? 'mfa' : 'password'), amr }
}

/** @returns who signs in with this login (e-mail or subject) and password; takes as long for an unknown login. */
export function authenticator(
  people: readonly LoopbackPerson[],
): (login: string, password: string) => LoopbackPerson | undefined {
  const key = randomBytes(32)
  const digest = (text: string) => createHmac('sha256', key).update(text).digest()
  const nobody = randomBytes(32)
  return (login, password) => {
    const person = people.find(({ sub, email }) => sub === login || email.toLowerCase() === login.toLowerCase())
    const right = timingSafeEqual(digest(password), person ? digest(person.password) : nobody)
    return right ? person : undefined
  }
}
