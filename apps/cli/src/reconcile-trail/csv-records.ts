/** A record of a CSV text (RFC 4180) with the line that it begins on; undefined fields for one whose quotes do not close. */
export type CsvRecord = { readonly line: number; readonly fields: readonly string[] | undefined }

/** Reads the records of a CSV text. Quoted fields may hold commas, quotes and line breaks. */
export function* csvRecords(text: string): Generator<CsvRecord> {
  let line = 1
  for (let at = 0; at < text.length; ) {
    const begun = line
    const fields: string[] = []
    for (let isOpen = true; isOpen; ) {
      const field = fieldAt(text, at)
      if (field === undefined) return yield { line: begun, fields: undefined }
      fields.push(field.value)
      for (const sign of text.slice(at, field.end)) if (sign === '\n') line += 1
      isOpen = text[field.end] === ','
      at = field.end + (isOpen ? 1 : 0)
    }
    const lineBreak = /^\r?\n?/.exec(text.slice(at, at + 2))?.[0].length ?? 0
    // Something behind a closing quote: what is left of the text cannot be told apart.
    if (lineBreak === 0 && at < text.length) return yield { line: begun, fields: undefined }
    at += lineBreak
    line += 1
    yield { line: begun, fields }
  }
}

const fieldAt = (text: string, from: number): { readonly value: string; readonly end: number } | undefined => {
  if (text[from] !== '"') {
    const length = text.slice(from).search(/[,\r\n]/)
    const end = length < 0 ? text.length : from + length
    return { value: text.slice(from, end), end }
  }
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return undefined
    if (text[quote + 1] !== '"') return { value: text.slice(from + 1, quote).replaceAll('""', '"'), end: quote + 1 }
    at = quote + 2
  }
}
