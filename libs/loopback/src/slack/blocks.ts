/** Block Kit as far as the stand-in reads it; everything else in a block is kept and given back as it came. */
export type TextObject = { type: 'plain_text' | 'mrkdwn'; text: string }
export type Option = { text: TextObject; value: string; description?: TextObject }
export type Confirm = { title?: TextObject; text?: TextObject; confirm?: TextObject; deny?: TextObject }
export type Element = {
  type: string
  action_id?: string
  text?: TextObject | string
  value?: string
  url?: string
  style?: string
  confirm?: Confirm
  multiline?: boolean
  initial_value?: string
  initial_option?: Option
  placeholder?: TextObject
  options?: Option[]
  alt_text?: string
}
export type Block = {
  type: string
  block_id?: string
  text?: TextObject | string
  fields?: TextObject[]
  elements?: Element[]
  accessory?: Element
  label?: TextObject
  element?: Element
  hint?: TextObject
  optional?: boolean
  alt_text?: string
}
export type View = {
  type: 'modal'
  title: TextObject
  submit?: TextObject
  close?: TextObject
  blocks: Block[]
  callback_id?: string
  private_metadata?: string
}

/** The text of a text object, or of the block types whose text is a plain string. */
export function textOf(text: TextObject | string | undefined): string {
  return typeof text === 'string' ? text : (text?.text ?? '')
}

/** Interactive elements of a message or view with the block they are in. */
export function* elementsOf(blocks: readonly Block[]): Generator<{ block: Block; element: Element }> {
  for (const block of blocks) {
    for (const element of [...(block.elements ?? []), block.accessory, block.element]) {
      if (element !== undefined) yield { block, element }
    }
  }
}

/** Slack names what the app left unnamed, and interactions refer to those names. */
export function named(blocks: readonly Block[], newId: () => string): Block[] {
  const copy = structuredClone(blocks) as Block[]
  for (const block of copy) block.block_id ??= newId()
  for (const { block, element } of elementsOf(copy)) if (block.type !== 'context') element.action_id ??= newId()
  return copy
}
