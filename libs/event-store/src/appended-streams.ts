import type { StreamRef } from './stream.ts'

/** To what was appended, as far as readers wait for it. */
export type AppendedStreams = {
  /** Ids of intents' streams. */
  readonly intents: readonly string[]
  /** Whether a register moved. */
  readonly hasRegisters: boolean
}

/** A notification holds less than 8,000 bytes: 340 ids of 22 characters with what divides them. */
const mostIds = 340
const anything = '*'
const registers = 'r'
const neither = '-'

const shortId = (id: string): string => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')

const longId = (short: string): string => {
  const hex = Buffer.from(short, 'base64url').toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** The payload of a notification for streams that moved. */
export const notificationOf = (streams: Iterable<StreamRef>): string => {
  const tokens = new Set<string>()
  for (const { kind, streamId } of streams) {
    if (kind === 'register') tokens.add(registers)
    if (kind === 'intent') tokens.add(shortId(streamId))
    if (tokens.size > mostIds) return anything
  }
  return tokens.size === 0 ? neither : [...tokens].join(',')
}

/** What a notification tells; undefined when it does not say, so that anything may have moved. */
export const readNotification = (payload: string): AppendedStreams | undefined => {
  const tokens = payload.split(',')
  if (tokens.some((token) => token !== registers && token !== neither && token.length !== 22)) return undefined
  return {
    intents: tokens.filter((token) => token.length === 22).map(longId),
    hasRegisters: tokens.includes(registers),
  }
}
