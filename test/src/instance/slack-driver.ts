import { call } from './call.ts'
import { until } from './until.ts'

export type SlackElement = {
  readonly type: string
  readonly action_id?: string
  readonly text?: { readonly text: string }
}
export type SlackBlock = { readonly type: string; readonly elements?: readonly SlackElement[] }
export type SlackMessage = {
  readonly ts: string
  readonly channel: string
  readonly text: string
  readonly blocks: readonly SlackBlock[]
  readonly onlyFor?: string
  readonly history: readonly unknown[]
}

/** A person at the demo Slack's page: reads cards, presses buttons, fills modals, all over HTTP. */
export type SlackDriver = {
  messages(): Promise<readonly SlackMessage[]>
  /** The first card that holds the text, as soon as it is there. */
  cardWith(text: string): Promise<SlackMessage>
  /** Presses the button whose label matches. Answers the status that the product gave. */
  click(message: SlackMessage, label: RegExp, user: string): Promise<number>
  /** Fills the modal that the person has open, as soon as it is, by block or action id, and submits it. */
  submit(user: string, values: Readonly<Record<string, string>>): Promise<number>
}

/** Whether anything of a message, what it said before included, holds the text. */
export const saysAnywhere = (message: SlackMessage, text: string): boolean => JSON.stringify(message).includes(text)

const buttonsOf = (message: SlackMessage): SlackElement[] =>
  message.blocks.flatMap(({ elements = [] }) => elements.filter(({ type }) => type === 'button'))

export const slackDriver = (origin: string): SlackDriver => {
  const act = async (path: string, body: object): Promise<number> => {
    const answer = await call<{ ok: boolean; error?: string; status?: number }>(`${origin}${path}`, { body })
    if (!answer.body.ok) throw new Error(`the demo Slack refused: ${answer.body.error ?? answer.status}`)
    return answer.body.status ?? 0
  }
  const messages = async (): Promise<readonly SlackMessage[]> =>
    (await call<{ messages: SlackMessage[] }>(`${origin}/loopback/messages`)).body.messages
  return {
    messages,
    cardWith: (text) =>
      until(
        async () => (await messages()).find((message) => buttonsOf(message).length > 0 && saysAnywhere(message, text)),
        { what: `a card with ${text}` },
      ),
    click: (message, label, user) => {
      const button = buttonsOf(message).find(({ text }) => label.test(text?.text ?? ''))
      if (button === undefined) throw new Error(`the card has no button ${label.source}`)
      const { channel, ts } = message
      return act('/loopback/click', { channel, ts, actionId: button.action_id ?? '', user })
    },
    submit: (user, values) =>
      until(() => act('/loopback/submit', { user, values }).catch(() => undefined), { what: `a modal for ${user}` }),
  }
}
