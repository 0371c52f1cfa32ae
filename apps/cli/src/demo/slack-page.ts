/** Text anywhere in a block. */
type Text = string | { readonly text?: string } | undefined
export type SlackBlock = {
  readonly type: string
  readonly text?: Text
  readonly fields?: readonly Text[]
  readonly elements?: readonly { readonly type: string; readonly action_id?: string; readonly text?: Text }[]
}
export type SlackMessage = {
  readonly ts: string
  readonly channel: string
  readonly text: string
  readonly blocks: readonly SlackBlock[]
  /** The only person who sees it. */
  readonly onlyFor?: string
}
type Channel = { readonly id: string; readonly name: string }

const said = (text: Text): string => (typeof text === 'string' ? text : (text?.text ?? ''))

/** All texts of a message's blocks, each as it stands. */
export const textsOf = ({ blocks }: SlackMessage): string[] =>
  blocks.flatMap((block) => [
    said(block.text),
    ...(block.fields ?? []).map(said),
    ...(block.elements ?? []).map(({ text }) => said(text)),
  ])

const rationaleTitle = "The agent's words, unverified"

/**
 * The agent's words on a card: what stands below a title that calls them unverified, each line behind a bar. Undefined when
 * the card shows no such block, or shows the words anywhere else as well.
 */
export const unverifiedWords = (message: SlackMessage): string | undefined => {
  const texts = textsOf(message)
  const [block, ...others] = texts.filter((text) => text.startsWith(`${rationaleTitle}\n`))
  if (block === undefined || others.length > 0) return undefined
  const lines = block.split('\n').slice(1)
  if (!lines.every((line) => line.startsWith('│ '))) return undefined
  const words = lines.map((line) => line.slice(2)).join('\n')
  const elsewhere = [message.text, ...texts.filter((text) => text !== block)]
  return elsewhere.some((text) => text.includes(words)) ? undefined : words
}

/** The demo Slack as a person uses it: over its HTTP, as its own page does. */
export const slackPage = (origin: string) => {
  const post = async (path: string, body: object): Promise<{ ok: boolean; status?: number }> => {
    const answer = await fetch(new URL(path, origin), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    return (await answer.json()) as { ok: boolean; status?: number }
  }
  const workspace = async (): Promise<{ messages: SlackMessage[]; channels: Channel[] }> => {
    const answer = await fetch(new URL('/loopback/messages', origin), { signal: AbortSignal.timeout(10_000) })
    return (await answer.json()) as { messages: SlackMessage[]; channels: Channel[] }
  }
  return {
    origin,
    messages: async (): Promise<SlackMessage[]> => (await workspace()).messages,
    /** The card of an intent with the name of its channel; undefined while there is none. */
    card: async (intentId: string): Promise<{ message: SlackMessage; channel: string } | undefined> => {
      const { messages, channels } = await workspace()
      const message = messages.find((one) => textsOf(one).some((text) => text.includes(`intent ${intentId}`)))
      const channel = channels.find(({ id }) => id === message?.channel)?.name
      return message === undefined ? undefined : { message, channel: `#${channel ?? '?'}` }
    },
    /** Presses a button as a person; false when the app did not take it. */
    click: async ({ channel, ts }: SlackMessage, actionId: string, user: string): Promise<boolean> => {
      const { ok, status } = await post('/loopback/click', { channel, ts, actionId, user })
      return ok && status === 200
    },
    /** Closes the form that a person may have open. */
    close: async (user: string): Promise<void> => {
      await post('/loopback/submit', { user, close: '1' })
    },
    /** Submits the form that a person has open; false when there is none or it was not taken. */
    submit: async (user: string, values: Readonly<Record<string, string>>): Promise<boolean> => {
      const { ok, status } = await post('/loopback/submit', { user, values })
      return ok && status === 200
    },
  }
}

export type SlackPage = ReturnType<typeof slackPage>
