import { createHash } from 'node:crypto'
import { type RefusalCode, refusals } from '@countersign/contracts'
import { statusOf } from '@countersign/service-kit'
import type { FastifyReply } from 'fastify'
import { html, Markup } from './markup.ts'

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: light-dark(#767676, #999); --accent: light-dark(#0b57d0, #a8c7fa) }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem } h2 { font-size: 1.125rem; margin: 1.5rem 0 .25rem }
label { display: block; font-weight: 600; margin-top: 1rem }
textarea, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .375rem }
textarea { box-sizing: border-box; width: 100%; min-height: 5rem }
button { cursor: pointer; min-height: 2.75rem; margin: .75rem .75rem 0 0 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
pre { white-space: pre-wrap; border-left: 3px solid var(--line); margin: 0; padding-left: .75rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem }
.caution, .refused { border: 2px solid light-dark(#b3261e, #f2b8b5); border-radius: .375rem; padding: .5rem .75rem }
`

/** A page, and what has to be set in the browser with it. */
export type Page = {
  readonly status?: number
  readonly title: string
  readonly body: Markup
  /** Where the browser goes next by itself; the page has a link as well. */
  readonly next?: string
  /** Script of the page's own; it may load and send nothing. */
  readonly script?: string
  readonly cookies?: readonly string[]
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const styleHash = hashOf(style)

/** Nothing is loaded from anywhere, nothing inline counts but what has our hash, nobody frames it. */
const policyOf = (script: string | undefined): string =>
  [
    "default-src 'none'",
    `style-src ${styleHash}`,
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** A whole document. */
const documentOf = ({ title, body, next, script }: Page): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${next !== undefined && html`<meta http-equiv="refresh" content="0; url=${next}">`}
<title>${title} · Countersign</title>
<style>${new Markup(style)}</style>
</head>
<body><main>
<h1>${title}</h1>
${body}
${next !== undefined && html`<p><a href="${next}">Continue</a></p>`}
</main>${script !== undefined && html`<script>${new Markup(script)}</script>`}</body>
</html>`.text

/** Sends a page: the text for a controller to return, status and headers on the reply. */
export const sendPage = (reply: FastifyReply, page: Page): string => {
  void reply.code(page.status ?? 200).headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policyOf(page.script),
    // Not `no-referrer`: under it a browser sends our own forms with `Origin: null`.
    'referrer-policy': 'same-origin',
    ...(page.cookies === undefined ? {} : { 'set-cookie': [...page.cookies] }),
  })
  return documentOf(page)
}

/** Goes on to another address, by itself where the browser lets it. */
export const onwardPage = (title: string, { to, cookies }: { to: string; cookies: readonly string[] }): Page => ({
  title,
  body: html`<p>One moment.</p>`,
  next: to,
  cookies,
})

/** A button that leads through the identity provider back to `page`; through that of `issuer` where one is named. */
export const signInForm = (
  page: string,
  { surely = false, issuer }: { surely?: boolean; issuer?: string } = {},
): Markup =>
  html`<form method="post" action="/me/sign-in">
<input type="hidden" name="page" value="${page}">
${surely && html`<input type="hidden" name="surely" value="yes">`}
${issuer !== undefined && html`<input type="hidden" name="issuer" value="${issuer}">`}
<button type="submit">Sign in${issuer !== undefined && html` at ${issuer.replace(/^https?:\/\//, '')}`}</button>
</form>`

/** Where a session of pages is ended. */
export const signOutLink: Markup = html`<p><a href="/me/sign-out">Sign out</a></p>`

/** What a refusal says to a person. */
export const refusedPage = (code: RefusalCode): Page & { readonly status: number } => {
  const { title, next } = refusals[code]
  return {
    status: statusOf(code),
    title: 'Not done',
    body: html`<p class="refused" role="alert">${title}. ${next}</p>`,
  }
}
