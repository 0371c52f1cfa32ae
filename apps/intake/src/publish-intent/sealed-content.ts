import { randomBytes } from 'node:crypto'
import type { PublishIntentBody, SealedIntent } from '@countersign/contracts'

const salt = (): string => randomBytes(32).toString('base64url')

/** What an intent seals, with salts of its own. */
export const sealedContent = (body: PublishIntentBody): SealedIntent => ({
  salt: salt(),
  parameters: body.parameters,
  preconditions: body.preconditions ?? null,
  ...(body.rationale === undefined ? {} : { rationale: { salt: salt(), text: body.rationale } }),
  ...(body.logs === undefined ? {} : { logs: { salt: salt(), lines: body.logs } }),
})

/** The bytes that are sealed. */
export const sealedBytes = (content: SealedIntent): Buffer => Buffer.from(JSON.stringify(content))
