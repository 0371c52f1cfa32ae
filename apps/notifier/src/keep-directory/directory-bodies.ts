import { closed, GroupName, ShortName, Uuid } from '@countersign/contracts'
import { Type } from 'typebox'

/** Body of `POST /v1/directory/people`. */
export const RegisterPersonBody = closed({
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subject: Type.String({ minLength: 1, maxLength: 255 }),
  displayName: ShortName,
  email: Type.Optional(ShortName),
  active: Type.Optional(Type.Boolean()),
})
export type RegisterPersonBody = Type.Static<typeof RegisterPersonBody>

const people = Type.Optional(Type.Array(Uuid, { maxItems: 256 }))

/** Body of `POST /v1/directory/groups`. */
export const ChangeGroupBody = closed({ group: GroupName, add: people, remove: people })
export type ChangeGroupBody = Type.Static<typeof ChangeGroupBody>
