import { createHash } from 'node:crypto'

/** Text that is HTML already. Only `html` makes it, so everything else is escaped. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Value = string | number | Markup | readonly Markup[] | false | undefined

/** Template tag: values are escaped for element content and quoted attributes, `Markup` is taken as it is. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.map((text, index) => text + (index < values.length ? render(values[index]) : '')).join(''))
}

function render(value: Value): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map((markup) => markup.text).join('')
  return String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8888; --accent: light-dark(#0b57d0, #a8c7fa) }
body { margin: 0 auto; max-width: 46rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem } h3 { font-size: 1rem }
label { display: block; font-weight: 600; margin-top: .75rem }
input, select, textarea, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .4rem }
input[type=text], input[type=password], textarea { width: 100%; box-sizing: border-box }
button { cursor: pointer; min-height: 2.75rem; margin: .5rem .5rem 0 0 }
button.primary { background: var(--accent); color: light-dark(#fff, #062e6f); border-color: transparent }
button.danger { border-color: light-dark(#b3261e, #f2b8b5); color: light-dark(#b3261e, #f2b8b5) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
article, .card { border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem; margin: 1rem 0; overflow-wrap: anywhere }
.error { color: light-dark(#b3261e, #f2b8b5); font-weight: 600 } .quiet { opacity: .75; font-size: .875rem }
pre { white-space: pre-wrap; border: 1px solid var(--line); border-radius: .4rem; padding: .5rem }
.lines, .fields li { white-space: pre-line }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem 1rem; margin: .5rem 0; padding: 0; list-style: none } .fields li { min-width: 0 }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Headers of every page: nothing is loaded from elsewhere, nothing inline runs but our own style, no framing. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    "script-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: with it a browser sends its own forms with `Origin: null`, and `isOwnOrigin` refuses them.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** A whole page. `head` is for what the page loads from its own origin. */
export function page(title: string, body: Markup, head?: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
${head}
</head>
<body>${body}</body>
</html>`.text
}
