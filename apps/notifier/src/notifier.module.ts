import { type DynamicModule, Module } from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import type pg from 'pg'
import { ApiChannel } from './channels/api/api-channel.ts'
import { ReviewController } from './channels/api/review.controller.ts'
import { SlackCallbackController } from './channels/slack/slack-callback.controller.ts'
import type { SlackCallback } from './channels/slack/slack-callback.ts'
import { ChangeGroup } from './keep-directory/change-group.handler.ts'
import { KeepDirectoryController } from './keep-directory/keep-directory.controller.ts'
import { RegisterPerson } from './keep-directory/register-person.handler.ts'
import { LinkAccountController } from './link-account/link-account.controller.ts'
import { LinkAccount } from './link-account/link-account.handler.ts'
import { FollowReviewsController } from './present-review/follow-reviews.controller.ts'
import { FollowReviews } from './present-review/follow-reviews.ts'
import type { RecordRefusals } from './record-refusal/record-refusals.ts'
import { NOTIFIER_POOL, SLACK_CALLBACK } from './tokens.ts'

export type NotifierParts = {
  readonly pool: pg.Pool
  readonly people: RegisterPerson
  readonly groups: ChangeGroup
  readonly accounts: LinkAccount
  readonly reviews: FollowReviews
  readonly api: ApiChannel
  readonly slack: SlackCallback | null
  readonly refusals: RecordRefusals
}

/** The notifier's controllers over parts that its composition made. */
@Module({})
export class NotifierModule {
  static with({ pool, people, groups, accounts, reviews, api, slack, refusals }: NotifierParts): DynamicModule {
    return {
      module: NotifierModule,
      controllers: [
        KeepDirectoryController,
        LinkAccountController,
        FollowReviewsController,
        ReviewController,
        SlackCallbackController,
      ],
      providers: [
        { provide: NOTIFIER_POOL, useFactory: () => pool },
        { provide: APP_INTERCEPTOR, useFactory: () => refusals },
        { provide: RegisterPerson, useFactory: () => people },
        { provide: ChangeGroup, useFactory: () => groups },
        { provide: LinkAccount, useFactory: () => accounts },
        { provide: FollowReviews, useFactory: () => reviews },
        { provide: ApiChannel, useFactory: () => api },
        { provide: SLACK_CALLBACK, useFactory: () => slack },
      ],
    }
  }
}
