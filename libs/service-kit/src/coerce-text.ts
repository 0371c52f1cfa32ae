/** The part of a JSON Schema that says into which type a text is read. */
export type TextTarget = { readonly type?: string; readonly items?: TextTarget }

const decimal = /^-?\d+(\.\d+)?$/

/**
 * A text from the environment or a query in the type that its schema asks for: integers and numbers in plain decimal,
 * `true` and `false`, lists separated by commas. Text that does not fit is returned as it is and fails the schema.
 */
export const coerceText = (text: string, target: TextTarget): unknown => {
  switch (target.type) {
    case 'integer':
    case 'number':
      return decimal.test(text) ? Number(text) : text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'array':
      return text
        .split(',')
        .flatMap((item) => (item.trim() === '' ? [] : [coerceText(item.trim(), target.items ?? {})]))
    default:
      return text
  }
}
