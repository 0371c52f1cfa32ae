import { findSecret, hasHiddenText } from '@countersign/redaction'
import { Refused } from '@countersign/service-kit'

/** Refuses clear texts of a body that hold a secret or characters that nobody sees. */
export const checkTexts = (texts: Readonly<Record<string, string | undefined>>): void => {
  for (const [name, text = ''] of Object.entries(texts)) {
    if (hasHiddenText(text)) throw new Refused({ code: 'hidden_text', pointer: `/${name}` })
    if (findSecret(text) !== undefined) throw new Refused({ code: 'secret_in_field', pointer: `/${name}` })
  }
}
