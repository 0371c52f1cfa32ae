import type { AssuranceDemand } from '@countersign/contracts'
import type { Caution } from './cautions.ts'
import type { Presentation } from './presentation.ts'

const fieldNames: Record<Caution['field'], string> = {
  target: 'target',
  agent: 'agent',
  model: 'model',
  session: 'session',
  parameters: 'parameters',
  preconditions: 'preconditions',
  rationale: "agent's words",
}
const cautionText = ({ field: name, kind, signs }: Caution): string =>
  kind === 'hidden_text'
    ? `In the ${fieldNames[name]}: invisible characters, shown as ⟨U+…⟩`
    : `In the ${fieldNames[name]}: ${signs.join(', ')}`

/** What to look at twice, a line each. */
export const cautionLines = ({ cautions, deniedBefore, seatsOnOneWord }: Presentation): string[] => [
  ...(deniedBefore === undefined
    ? []
    : [
        `The same action on the same target was denied ${deniedBefore === 1 ? 'once' : `${deniedBefore} times`} in the 24 hours before this was asked for.`,
      ]),
  ...(seatsOnOneWord === undefined
    ? []
    : [
        `${seatsOnOneWord === 1 ? 'One person holds a seat' : `${seatsOnOneWord} people hold seats`} on one operator’s word: nobody else could review who put them there.`,
      ]),
  ...cautions.map(cautionText),
]

/** What the requester claims that will be touched. */
export const impactText = ({ claims: { impact } }: Presentation): string => {
  if (impact === null) return 'not stated'
  const parts = [
    ...(impact.rows === undefined ? [] : [`${impact.rows} rows`]),
    ...(impact.bytes === undefined ? [] : [`${impact.bytes} bytes`]),
    ...(impact.reversible === undefined ? [] : [impact.reversible ? 'can be undone' : 'cannot be undone']),
    ...(impact.dataClasses ?? []),
  ]
  return parts.length === 0 ? 'not stated' : parts.join(', ')
}

const levels: Record<AssuranceDemand['atLeast'], string> = {
  sso: 'a sign-in',
  mfa: 'a sign-in with several factors',
  webauthn: 'a security key or passkey',
}

/** What a yes has to prove. */
export const demandText = ({ atLeast, signedInWithinMs }: AssuranceDemand): string =>
  signedInWithinMs === undefined
    ? levels[atLeast]
    : `${levels[atLeast]}, ${atLeast === 'webauthn' ? 'and a sign-in ' : ''}not older than ${durationText(signedInWithinMs)}`

const durationText = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000)
  if (minutes % 60 === 0) return minutes === 60 ? '1 hour' : `${minutes / 60} hours`
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}
