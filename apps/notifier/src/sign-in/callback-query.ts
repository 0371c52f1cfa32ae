import { Type } from 'typebox'

const text = Type.Optional(Type.String({ maxLength: 4_096 }))

/** What identity providers send a browser back with; only the flow itself judges it. */
export const CallbackQuery = Type.Object({
  code: text,
  state: text,
  iss: text,
  error: text,
  error_description: text,
  error_uri: text,
  session_state: text,
  scope: text,
  authuser: text,
  hd: text,
  prompt: text,
})
