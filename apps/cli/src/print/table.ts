export type Column = { readonly title: string; readonly align?: 'left' | 'right' }

/** Characters a text takes on a terminal, without colours. */
export const widthOf = (text: string): number =>
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with a control character
  Array.from(text.replaceAll(/\u001b\[[0-9;]*m/g, '')).length

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text

/** Cuts a text to a width, the last character being an ellipsis. */
export const fit = (text: string, width: number): string =>
  widthOf(text) <= width
    ? text
    : `${Array.from(text)
        .slice(0, Math.max(0, width - 1))
        .join('')}…`

/** Lines of a table: a title line and one per row, columns two spaces apart, nothing at the end of a line. */
export const table = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] => {
  const lines = [columns.map(({ title }) => title), ...rows]
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => widthOf(cells[index] ?? ''))))
  return lines.map((cells) =>
    columns
      .map(({ align }, index) => (align === 'right' ? padStart : padEnd)(cells[index] ?? '', widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
