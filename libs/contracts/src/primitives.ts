import { Type } from 'typebox'

const strict = { additionalProperties: false } as const

/** A closed object: an unknown field is an error, never ignored. */
export const closed = <T extends Record<string, Type.TSchema>>(properties: T, description?: string) =>
  Type.Object(properties, description === undefined ? strict : { ...strict, description })

export const Uuid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'Lower-case UUID; the ids that services assign are version 7, those derived from a name version 8',
})
export const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$', description: 'SHA-256, lower-case hex' })
export const Fingerprint = Type.String({ pattern: '^hmac-sha256:[0-9a-f]{64}$' })
export const Salt = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: '32 random bytes, base64url' })
export const KeyThumbprint = Type.String({
  pattern: '^[A-Za-z0-9_-]{43}$',
  description: 'SHA-256 thumbprint of a public JWK (RFC 7638), base64url',
})
export const IsoTime = Type.String({
  pattern: '^20\\d\\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?Z$',
  description: 'RFC 3339 time in UTC',
})
export const SafeInteger = Type.Integer({ minimum: 0, maximum: 9007199254740991 })

/** A bounded clear identifier; secrets and hidden characters in it are refused at the edge. */
export const Identifier = Type.String({
  minLength: 1,
  maxLength: 512,
  pattern: '^[^\\u0000-\\u0020\\u007f][^\\u0000-\\u001f\\u007f]*$',
})
export const ShortName = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[^\\u0000-\\u0020\\u007f][^\\u0000-\\u001f\\u007f]*$',
})
/** Id that a producer gave a request on the bus; one that holds a secret or hidden characters is refused. */
export const RequestId = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u0020\\u007f][^\\u0000-\\u001f\\u007f]*$',
  description: 'Id of the request as its producer sent it on the bus',
})
export const ActionName = Type.String({
  maxLength: 128,
  pattern: '^[a-z][a-z0-9_-]*(\\.[a-z0-9_-]+)+$',
  description: 'Dotted lower-case name of an action, for example `data.export`',
})
export const EnvironmentName = Type.String({ maxLength: 64, pattern: '^[a-z][a-z0-9-]*$' })
export const ProducerName = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
export const AgentName = Type.String({ maxLength: 128, pattern: '^[a-z0-9][a-z0-9._/-]*$' })
export const GroupName = Type.String({ maxLength: 64, pattern: '^[a-z0-9][a-z0-9-]*$' })
export const RuleId = Type.String({ maxLength: 128, pattern: '^[a-z0-9][a-z0-9._-]*$' })
export const Code = Type.String({ maxLength: 64, pattern: '^[a-z][a-z0-9_]*$', description: 'Stable snake_case code' })

export const PrincipalKind = Type.Union([Type.Literal('agent'), Type.Literal('pipeline'), Type.Literal('person')])
export type PrincipalKind = Type.Static<typeof PrincipalKind>

/** Who signs in by a subject: one human being, several who share it, or a program. */
export const PersonKind = Type.Union([Type.Literal('human'), Type.Literal('shared'), Type.Literal('service')])
export type PersonKind = Type.Static<typeof PersonKind>

/** First use of a subject id: the commitment shows later that the mapping was not changed. */
export const SubjectIntroduction = closed({ subjectId: Uuid, commitment: Digest })
export type SubjectIntroduction = Type.Static<typeof SubjectIntroduction>
export const Subjects = Type.Optional(Type.Array(SubjectIntroduction, { maxItems: 16 }))

/** JSON value, used where a schema cannot be closer: action parameters. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** A seat that somebody holds on one person's word alone, as nobody else could review who put them there. */
export const SeatOnOneWord = closed({
  group: GroupName,
  word: Type.Unsafe<string>({ ...Uuid, description: 'Whose word it is' }),
  change: Type.Optional(
    Type.Unsafe<number>({ ...SafeInteger, description: 'Number of the change of the register that gave the seat' }),
  ),
})
export type SeatOnOneWord = Type.Static<typeof SeatOnOneWord>

/** Absent where the reviewer's word is their own. */
export const ReviewersWord = Type.Optional(
  Type.Unsafe<string>({ ...Uuid, description: 'Whose word the reviewer’s is, where one person alone made them one' }),
)

/** How those count whom one person has put into a group. */
export const SeatsGiven = Type.Union([Type.Literal('await_review'), Type.Literal('on_one_word')], {
  description:
    'await_review: who was added does not count until another person has reviewed the change; on_one_word: nobody else could review it, so they count on one person’s word. Absent when a second person stands behind it, or it was seeded',
})
