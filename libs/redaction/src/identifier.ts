import { findSecret } from './redact-text.ts'
import { visibleText } from './visible-text.ts'

export type IdentifierProblem =
  | 'field_empty'
  | 'field_too_long'
  | 'field_not_printable'
  | 'field_not_trimmed'
  | 'secret_in_field'

const MAX_BYTES = 512
const ACTION_NAME = /^[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+$/
const ACTION_NAME_LENGTH = 128

/**
 * Says why a text is not a clear bounded identifier (action, target, environment, session, model): it must be
 * non-empty, at most `max` UTF-8 bytes (512), without spaces at its ends, without invisible or control characters, and
 * match no secret rule. The text itself is never changed.
 */
export function identifierProblem(
  text: string,
  options: { readonly max?: number } = {},
): IdentifierProblem | undefined {
  if (text === '') return 'field_empty'
  if (Buffer.byteLength(text) > (options.max ?? MAX_BYTES)) return 'field_too_long'
  if (visibleText(text) !== text) return 'field_not_printable'
  if (text.trim() !== text) return 'field_not_trimmed'
  return findSecret(text) === undefined ? undefined : 'secret_in_field'
}

/**
 * Says why a text is not an action name: two or more dotted parts of lower-case ASCII letters, digits, `_` and `-`,
 * such as `database.table.drop`, the first starting with a letter, at most 128 characters in all.
 */
export function actionNameProblem(
  text: string,
): 'action_name_invalid' | 'field_too_long' | 'secret_in_field' | undefined {
  if (text.length > ACTION_NAME_LENGTH) return 'field_too_long'
  if (!ACTION_NAME.test(text)) return 'action_name_invalid'
  return findSecret(text) === undefined ? undefined : 'secret_in_field'
}
