import { type EdgeRequest, EdgeRoute, Public, Refused } from '@countersign/service-kit'
import { Controller, HttpCode, Inject, Post, Req } from '@nestjs/common'
import { SLACK_CALLBACK } from '../../tokens.ts'
import type { SlackCallback } from './slack-callback.ts'

/** A payload repeats the message it came from, percent-encoded. */
const largestCallback = 512 * 1024

/** The request URL of the Slack app. Slack's signature stands for a token. */
@Public()
@Controller('callbacks/slack')
export class SlackCallbackController {
  readonly #callback: SlackCallback | null

  constructor(@Inject(SLACK_CALLBACK) callback: SlackCallback | null) {
    this.#callback = callback
  }

  @Post()
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'], bodyLimit: largestCallback })
  async receive(@Req() request: EdgeRequest): Promise<unknown> {
    if (this.#callback === null) throw new Refused({ code: 'not_found' })
    return this.#callback.receive({
      signature: request.headers['x-slack-signature'],
      timestamp: request.headers['x-slack-request-timestamp'],
      body: request.rawBody ?? Buffer.alloc(0),
    })
  }
}
