import { Type } from 'typebox'
import { Compile } from 'typebox/compile'

const Id = Type.String({ pattern: '^[A-Z0-9]{2,40}$' })
const Name = Type.Optional(Type.String({ maxLength: 255 }))
const whoAndWhere = {
  team: Type.Object({ id: Id, domain: Name }),
  user: Type.Object({ id: Id, team_id: Type.Optional(Id), name: Name }),
} as const

/** One pressed button of a message. */
const ButtonPress = Type.Object({
  type: Type.Literal('block_actions'),
  ...whoAndWhere,
  trigger_id: Type.String({ minLength: 1, maxLength: 256 }),
  channel: Type.Object({ id: Id }),
  actions: Type.Array(
    Type.Object({
      type: Type.Literal('button'),
      action_id: Type.String({ maxLength: 255 }),
      value: Type.Optional(Type.String({ maxLength: 2_000 })),
    }),
    { minItems: 1, maxItems: 1 },
  ),
})
export type ButtonPress = Type.Static<typeof ButtonPress>

/** A submitted modal of ours. */
const ModalSubmission = Type.Object({
  type: Type.Literal('view_submission'),
  ...whoAndWhere,
  view: Type.Object({
    id: Type.String({ maxLength: 255 }),
    type: Type.Literal('modal'),
    callback_id: Type.String({ maxLength: 255 }),
    private_metadata: Type.String({ maxLength: 3_000 }),
    state: Type.Object({
      values: Type.Record(
        Type.String({ maxLength: 255 }),
        Type.Record(
          Type.String({ maxLength: 255 }),
          Type.Object({ value: Type.Optional(Type.Union([Type.String({ maxLength: 3_000 }), Type.Null()])) }),
        ),
      ),
    }),
  }),
})
export type ModalSubmission = Type.Static<typeof ModalSubmission>

export type Interaction = ButtonPress | ModalSubmission

const interaction = Compile(Type.Union([ButtonPress, ModalSubmission]))

/**
 * The interaction in a form body: exactly one field, `payload`, holding JSON of a kind that we send buttons or modals for.
 * Fields that we do not read may be there and are kept.
 */
export const readInteraction = (body: Uint8Array): Interaction | undefined => {
  try {
    const form = [...new URLSearchParams(new TextDecoder('utf-8', { fatal: true }).decode(body))]
    const [entry, ...more] = form
    if (entry === undefined || more.length > 0 || entry[0] !== 'payload') return undefined
    const payload: unknown = JSON.parse(entry[1])
    return interaction.Check(payload) ? payload : undefined
  } catch {
    return undefined
  }
}

/** What Slack calls somebody, for them to recognise themselves by; it decides nothing. */
export const namesOf = ({ user, team }: Interaction): { userName: string; teamName: string } => ({
  userName: user.name ?? 'unknown',
  teamName: user.team_id === undefined || user.team_id === team.id ? (team.domain ?? 'unknown') : 'another workspace',
})

/** Who acted: Slack's ids, never names. The user's own workspace counts, also in a channel shared with another one. */
export const userOf = ({ user, team }: Interaction): { teamId: string; userId: string } => ({
  teamId: user.team_id ?? team.id,
  userId: user.id,
})
