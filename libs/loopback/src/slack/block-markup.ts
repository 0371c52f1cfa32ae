import { html, type Markup } from '../html.ts'
import { type Block, type Element, type TextObject, textOf } from './blocks.ts'
import { link, mrkdwn } from './mrkdwn.ts'

/** How a button is drawn depends on where it sits; the page gives it. */
export type ButtonMarkup = (element: Element) => Markup

export function blocksMarkup(blocks: readonly Block[], button: ButtonMarkup): Markup {
  return html`${blocks.map((block) => blockMarkup(block, button))}`
}

function blockMarkup(block: Block, button: ButtonMarkup): Markup {
  switch (block.type) {
    case 'header':
      return html`<h3>${textOf(block.text)}</h3>`
    case 'divider':
      return html`<hr>`
    case 'section':
      return html`${block.text && html`<p class="lines">${textMarkup(block.text)}</p>`}${
        block.fields &&
        html`<ul class="fields">${block.fields.map((field) => html`<li>${textMarkup(field)}</li>`)}</ul>`
      }${block.accessory && elementMarkup(block.accessory, button)}`
    case 'context':
      return html`<p class="quiet">${(block.elements ?? []).map((element) => html`${contextMarkup(element)} `)}</p>`
    case 'actions':
      return html`<div>${(block.elements ?? []).map((element) => elementMarkup(element, button))}</div>`
    case 'markdown':
      return html`<pre>${textOf(block.text)}</pre>`
    default:
      return html`<p class="quiet">[${block.type} block${block.alt_text ? html`: ${block.alt_text}` : undefined}]</p>`
  }
}

export function textMarkup(text: TextObject | string | undefined): Markup {
  return typeof text === 'object' && text.type === 'mrkdwn' ? mrkdwn(text.text) : html`${textOf(text)}`
}

function contextMarkup(element: Element): Markup {
  if (element.type === 'mrkdwn') return mrkdwn(textOf(element.text))
  return html`${textOf(element.text) || (element.alt_text ?? '')}`
}

function elementMarkup(element: Element, button: ButtonMarkup): Markup {
  if (element.type !== 'button') return html`<span class="quiet">[${element.type}]</span>`
  return element.url === undefined ? button(element) : html`<p>${link(element.url, textOf(element.text))}</p>`
}

/** A field of a modal: a labelled input with its hint and error tied to it. */
export function inputMarkup(block: Block, error: string | undefined): Markup {
  const { element } = block
  if (!element) return html``
  const id = `${block.block_id ?? ''}/${element.action_id ?? ''}`
  const described = [block.hint && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean).join(' ')
  const attributes = html`id="${id}" name="${id}"${!block.optional && html` required`}${
    described !== '' && html` aria-describedby="${described}"`
  }${error !== undefined && html` aria-invalid="true"`}`
  return html`<label for="${id}">${textOf(block.label)}${block.optional && html` (optional)`}</label>
${fieldMarkup(element, attributes)}
${block.hint && html`<p class="quiet" id="${id}-hint">${textOf(block.hint)}</p>`}
${error !== undefined && html`<p class="error" id="${id}-error">${error}</p>`}`
}

function fieldMarkup(element: Element, attributes: Markup): Markup {
  if (element.options) {
    return html`<select ${attributes}>${element.options.map(
      ({ text, value }) =>
        html`<option value="${value}"${value === element.initial_option?.value && html` selected`}>${textOf(text)}</option>`,
    )}</select>`
  }
  return element.multiline
    ? html`<textarea ${attributes} rows="4">${element.initial_value ?? ''}</textarea>`
    : html`<input ${attributes} type="text" value="${element.initial_value ?? ''}">`
}
