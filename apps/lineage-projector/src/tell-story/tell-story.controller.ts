import { Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Refused, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Param } from '@nestjs/common'
import { readerOf } from '../reader.ts'
import { READING, type Reading } from '../reading.ts'
import { readStory } from './read-story.ts'

/** `GET /v1/intents/{id}/story`: everything that happened around one intent, told in sentences. */
@Controller()
export class TellStoryController {
  readonly #reading: Reading

  constructor(@Inject(READING) reading: Reading) {
    this.#reading = reading
  }

  @Get('v1/intents/:intentId/story')
  async read(@Param('intentId', pathParameter(Uuid)) intentId: string, @Requester() identity: Identity) {
    const { pool, rules } = this.#reading
    const reader = orRefuse(await readerOf(pool, identity, rules))
    const story = await readStory(pool, { intentId, reader, rules })
    if (story === undefined) throw new Refused({ code: 'unknown_intent' })
    return story
  }
}
