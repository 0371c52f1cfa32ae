import { type Block, elementsOf, type TextObject, textOf, type View } from './blocks.ts'

/** What Slack answers when it takes a message or view not as it is. */
export type BlockRefusal = { readonly error: string; readonly messages: readonly string[] }

// Limits of docs.slack.dev, Block Kit reference; the total is not documented but real (slackapi/bolt-js#2509).
const MESSAGE_BLOCKS = 50
const MODAL_BLOCKS = 100
const TOTAL_TEXT = 13_200
const MESSAGE_TEXT = 40_000
const BLOCK_TYPES = new Set([
  'section',
  'header',
  'context',
  'actions',
  'divider',
  'image',
  'input',
  'markdown',
  'rich_text',
])

/** Checks text and blocks of a message. @param blocks parsed JSON from outside */
export function checkMessage(text: string, blocks: unknown): BlockRefusal | undefined {
  if (text.length > MESSAGE_TEXT) return { error: 'msg_too_long', messages: [] }
  return checkBlocks(blocks, MESSAGE_BLOCKS)
}

/** Checks a modal. @param view parsed JSON from outside */
export function checkView(view: unknown): BlockRefusal | undefined {
  const messages: string[] = []
  const { type, title, submit, close, private_metadata, callback_id, blocks } = (view ?? {}) as Partial<View>
  if (type !== 'modal') messages.push(`unsupported type: ${String(type)} [json-pointer:/type]`)
  limit(messages, '/title', { text: title, max: 24, required: true })
  limit(messages, '/submit', { text: submit, max: 24 })
  limit(messages, '/close', { text: close, max: 24 })
  limit(messages, '/private_metadata', { text: private_metadata, max: 3000 })
  limit(messages, '/callback_id', { text: callback_id, max: 255 })
  if (messages.length > 0) return { error: 'invalid_arguments', messages }
  return checkBlocks(blocks, MODAL_BLOCKS)
}

function checkBlocks(input: unknown, most: number): BlockRefusal | undefined {
  if (!Array.isArray(input) || !input.every((block) => typeof block === 'object' && block !== null)) {
    return { error: 'invalid_blocks_format', messages: [] }
  }
  const blocks = input as Block[]
  const messages: string[] = []
  if (blocks.length > most) messages.push(`no more than ${most} items allowed [json-pointer:/blocks]`)
  const names = new Set<string>()
  blocks.forEach((block, index) => {
    const at = `/blocks/${index}`
    if (!BLOCK_TYPES.has(block.type)) messages.push(`unsupported type: ${block.type} [json-pointer:${at}/type]`)
    if (block.block_id !== undefined && names.has(block.block_id)) {
      messages.push(`block_id must be unique [json-pointer:${at}/block_id]`)
    }
    if (block.block_id !== undefined) names.add(block.block_id)
    limit(messages, `${at}/block_id`, { text: block.block_id, max: 255 })
    checkBlock(messages, at, block)
  })
  for (const { block, element } of elementsOf(blocks)) {
    if (block.type === 'context') continue
    const at = `/blocks/${blocks.indexOf(block)}/${element.action_id ?? 'element'}`
    limit(messages, `${at}/action_id`, { text: element.action_id, max: 255 })
    if (element.type !== 'button') continue
    limit(messages, `${at}/text`, { text: element.text, max: 75, required: true })
    limit(messages, `${at}/value`, { text: element.value, max: 2000 })
    limit(messages, `${at}/url`, { text: element.url, max: 3000 })
    limit(messages, `${at}/confirm/title`, { text: element.confirm?.title, max: 100 })
    limit(messages, `${at}/confirm/text`, { text: element.confirm?.text, max: 300 })
    limit(messages, `${at}/confirm/confirm`, { text: element.confirm?.confirm, max: 30 })
    limit(messages, `${at}/confirm/deny`, { text: element.confirm?.deny, max: 30 })
  }
  if (messages.length > 0) return { error: 'invalid_blocks', messages }
  return textLength(blocks) > TOTAL_TEXT ? { error: 'msg_blocks_too_long', messages: [] } : undefined
}

function checkBlock(messages: string[], at: string, block: Block): void {
  switch (block.type) {
    case 'section':
      if (block.text === undefined && block.fields === undefined) {
        messages.push(`must define either text or fields [json-pointer:${at}]`)
      }
      if (block.text !== undefined) limit(messages, `${at}/text`, { text: block.text, max: 3000, required: true })
      count(messages, `${at}/fields`, block.fields, 10)
      block.fields?.forEach((text, index) =>
        limit(messages, `${at}/fields/${index}`, { text, max: 2000, required: true }),
      )
      break
    case 'header':
      limit(messages, `${at}/text`, { text: block.text, max: 150, required: true })
      break
    case 'markdown':
      limit(messages, `${at}/text`, { text: block.text, max: 12_000, required: true })
      break
    case 'context':
      count(messages, `${at}/elements`, block.elements, 10)
      break
    case 'actions':
      count(messages, `${at}/elements`, block.elements, 25)
      break
    case 'input':
      limit(messages, `${at}/label`, { text: block.label, max: 2000, required: true })
      if (block.element === undefined) messages.push(`missing required field: element [json-pointer:${at}]`)
      break
    default:
  }
}

type Limit = { text: TextObject | string | undefined; max: number; required?: true }

function limit(messages: string[], pointer: string, { text, max, required }: Limit): void {
  const length = textOf(text).length
  if (length > max) messages.push(`must be no more than ${max} characters [json-pointer:${pointer}]`)
  if (required && length === 0) messages.push(`must be more than 0 characters [json-pointer:${pointer}]`)
}

function count(messages: string[], pointer: string, items: readonly unknown[] | undefined, max: number): void {
  if ((items?.length ?? 0) > max) messages.push(`no more than ${max} items allowed [json-pointer:${pointer}]`)
}

/** All characters of all texts, at whatever depth. */
function textLength(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textLength(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce(
    (sum, [name, item]) => sum + (name === 'text' && typeof item === 'string' ? item.length : textLength(item)),
    0,
  )
}
