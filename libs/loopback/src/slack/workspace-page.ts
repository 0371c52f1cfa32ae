import { html, type Markup, page } from '../html.ts'
import { blocksMarkup, inputMarkup } from './block-markup.ts'
import { type Element, textOf } from './blocks.ts'
import { mrkdwn } from './mrkdwn.ts'
import type { Message, OpenView, SlackPerson, Workspace } from './workspace.ts'

/** The workspace as one person sees it. Works without the script, which only keeps it fresh. */
export function workspacePage(workspace: Workspace, viewer: SlackPerson, problem: string | undefined): string {
  const view = workspace.view(viewer.id)
  return page(
    'Loopback Slack',
    html`<header>
<h1>Loopback Slack</h1>
<p class="quiet">A stand-in for a Slack workspace on this machine. You act as whom you choose.</p>
<form method="get" action="/">
<label for="user">You are</label>
<select id="user" name="user">${workspace.people.map(
      ({ id, name }) => html`<option value="${id}"${id === viewer.id && html` selected`}>${name}</option>`,
    )}</select>
<button type="submit">Change</button>
</form>
</header>
<main id="workspace" data-version="${workspace.version}">
${problem !== undefined && html`<p class="error" role="alert">${problem}</p>`}
${view && viewMarkup(view)}
${workspace.channels.map((channel) => {
  const messages = workspace.messages(channel.id, viewer.id)
  return html`<section aria-labelledby="${channel.id}">
<h2 id="${channel.id}">${channel.name.startsWith('@') ? '' : '#'}${channel.name}</h2>
${messages.length === 0 && html`<p class="quiet">No messages yet.</p>`}
${messages.map((message) => messageMarkup(message, viewer))}
</section>`
})}
</main>
<p id="news" role="status" class="quiet"></p>`,
    html`<script src="/loopback/page.js" defer></script>`,
  )
}

function messageMarkup(message: Message, viewer: SlackPerson): Markup {
  const at = new Date(Number(message.ts) * 1000).toISOString()
  return html`<article id="m${message.ts}">
<p class="quiet">Countersign · <time datetime="${at}">${at.slice(11, 19)} UTC</time>${
    message.history.length > 0 && html` · edited ${message.history.length}×`
  }${message.onlyFor !== undefined && html` · only visible to you`}</p>
${
  message.blocks.length > 0
    ? blocksMarkup(message.blocks, (element) => buttonMarkup(element, message, viewer))
    : html`<p>${mrkdwn(message.text)}</p>`
}
</article>`
}

function buttonMarkup(element: Element, { channel, ts }: Message, viewer: SlackPerson): Markup {
  const label = textOf(element.text)
  const style = element.style === 'primary' ? 'primary' : element.style === 'danger' ? 'danger' : ''
  const { confirm } = element
  const form = html`<form method="post" action="/loopback/click">
<input type="hidden" name="channel" value="${channel}"><input type="hidden" name="ts" value="${ts}">
<input type="hidden" name="actionId" value="${element.action_id ?? ''}"><input type="hidden" name="user" value="${viewer.id}">
<button type="submit" id="b${ts}-${element.action_id ?? ''}" class="${style}">${confirm ? textOf(confirm.confirm) || label : label}</button>
</form>`
  if (!confirm) return form
  return html`<details><summary>${label}</summary><p><strong>${textOf(confirm.title)}</strong> ${textOf(confirm.text)}</p>${form}</details>`
}

function viewMarkup(view: OpenView): Markup {
  const inputs = view.blocks.map((block) =>
    block.type === 'input'
      ? inputMarkup(block, view.errors[block.block_id ?? ''])
      : blocksMarkup([block], ({ text }) => html`<span class="quiet">[${textOf(text)}]</span>`),
  )
  return html`<section id="view" data-view="${view.id}-${view.hash}-${Object.keys(view.errors).join()}" class="card" role="dialog" aria-labelledby="view-title">
<h2 id="view-title">${textOf(view.title)}</h2>
<form method="post" action="/loopback/submit">
<input type="hidden" name="user" value="${view.user}"><input type="hidden" name="viewId" value="${view.id}">
${inputs}
<button type="submit" class="primary">${textOf(view.submit) || 'Submit'}</button>
<button type="submit" name="close" value="yes" formnovalidate>${textOf(view.close) || 'Cancel'}</button>
</form>
</section>`
}

/** Waits for news and swaps what changed; a modal that somebody is filling in is left alone. */
export const PAGE_SCRIPT = `'use strict'
const workspace = document.getElementById('workspace')
const news = document.getElementById('news')
async function follow() {
  let version = workspace.dataset.version
  for (;;) {
    const answer = await fetch('/loopback/version?after=' + version)
    const next = String((await answer.json()).version)
    if (next === version) continue
    version = next
    const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
    const [old, now] = [document.getElementById('view'), fresh.getElementById('view')]
    if (old && now && old.dataset.view === now.dataset.view) now.replaceWith(old)
    const focused = document.activeElement?.id
    workspace.replaceChildren(...fresh.getElementById('workspace').childNodes)
    news.textContent = workspace.querySelectorAll('article').length + ' messages'
    if (now && !old) document.querySelector('#view :is(input:not([type=hidden]), select, textarea)')?.focus()
    else if (focused) document.getElementById(focused)?.focus()
  }
}
const retry = () => setTimeout(() => follow().catch(retry), 2000)
follow().catch(retry)
`
