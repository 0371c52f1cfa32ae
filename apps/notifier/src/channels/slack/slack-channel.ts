import type { KnownBlock } from '@slack/types'
import type { Presentation } from '../../present-review/presentation.ts'
import type { Card, ReviewChannel } from '../channel.ts'
import { cardValue } from './card-value.ts'
import { cardLogs, fitsCard, renderCard, type SlackMessage } from './render-card.ts'
import { delivered, type SlackWorkspace } from './slack-workspace.ts'

export type SlackChannelOptions = {
  readonly workspace: SlackWorkspace
  /** Key of the buttons' values. */
  readonly valueKey: Uint8Array
  readonly publicUrl: string
}

/** Cards in Slack channels. */
export class SlackChannel implements ReviewChannel {
  readonly name = 'slack'
  readonly logs = cardLogs
  readonly #options: SlackChannelOptions

  constructor(options: SlackChannelOptions) {
    this.#options = options
  }

  fits(presentation: Presentation): boolean {
    return fitsCard(presentation)
  }

  async post(place: string, card: Card): Promise<string> {
    const { client } = this.#options.workspace
    const { text, blocks } = await this.#message(card)
    const posted = await delivered(
      client.chat.postMessage({
        channel: place,
        text,
        blocks,
        parse: 'none',
        mrkdwn: false,
        unfurl_links: false,
        unfurl_media: false,
      }),
    )
    if (posted.ts === undefined) throw new Error('a posted message has no id')
    return posted.ts
  }

  async update(place: string, messageId: string, card: Card): Promise<void> {
    const { client } = this.#options.workspace
    const { text, blocks } = await this.#message(card)
    await delivered(client.chat.update({ channel: place, ts: messageId, text, blocks, parse: 'none' }))
  }

  async #message(card: Card): Promise<SlackMessage & { blocks: KnownBlock[] }> {
    const { workspace, valueKey, publicUrl } = this.#options
    const { teamId } = await workspace.installation()
    const { reviewId, actionDigest } = card.presentation
    const valueOf = (verdict: 'approve' | 'deny') =>
      cardValue(valueKey, teamId, {
        verdict,
        reviewId,
        actionDigest,
        presentationDigest: card.presentationDigest,
      })
    const message = renderCard(card, {
      approve: valueOf('approve'),
      deny: valueOf('deny'),
      details: new URL(`v1/reviews/${reviewId}`, publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`).href,
    })
    return { ...message, blocks: [...message.blocks] }
  }
}
