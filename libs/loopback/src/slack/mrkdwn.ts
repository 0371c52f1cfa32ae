import { html, type Markup } from '../html.ts'

const LINK_SCHEMES = new Set(['http:', 'https:', 'mailto:'])
// In this order: code keeps its content literally, links and mentions come before emphasis.
const TOKEN =
  /```([\s\S]+?)```|`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<![\w_])_([^_\n]+)_(?![\w_])|(?<![\w~])~([^~\n]+)~(?![\w~])/

/**
 * Slack's mrkdwn as HTML. Slack's text has `&`, `<` and `>` as entities; anything else in angle brackets is a link or a
 * mention. Links with another scheme than http, https and mailto are shown as text.
 */
export function mrkdwn(text: string): Markup {
  const match = TOKEN.exec(text)
  if (!match) return plain(text)
  const [whole, fence, code, angle, bold, italic, strike] = match
  const token =
    fence !== undefined
      ? html`<pre>${decoded(fence)}</pre>`
      : code !== undefined
        ? html`<code>${decoded(code)}</code>`
        : angle !== undefined
          ? angleBrackets(angle)
          : bold !== undefined
            ? html`<strong>${mrkdwn(bold)}</strong>`
            : italic !== undefined
              ? html`<em>${mrkdwn(italic)}</em>`
              : html`<s>${mrkdwn(strike ?? '')}</s>`
  return html`${plain(text.slice(0, match.index))}${token}${mrkdwn(text.slice(match.index + whole.length))}`
}

/** A link if the address may be followed, else its label alone. */
export function link(url: string, label: string): Markup {
  const address = URL.parse(url)
  if (!address || !LINK_SCHEMES.has(address.protocol)) return html`${label}`
  return html`<a href="${address.href}" rel="noreferrer">${label}</a>`
}

function angleBrackets(content: string): Markup {
  const [target = '', label] = content.split('|', 2)
  if (target.startsWith('!') || target.startsWith('@') || target.startsWith('#')) {
    return html`<strong>@${decoded(label ?? target.slice(1))}</strong>`
  }
  return link(decoded(target), decoded(label ?? target))
}

function plain(text: string): Markup {
  return html`${decoded(text)
    .split('\n')
    .map((line, index) => (index === 0 ? html`${line}` : html`<br>${line}`))}`
}

function decoded(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
