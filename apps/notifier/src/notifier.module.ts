import { type DynamicModule, Module } from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import type pg from 'pg'
import { ApiChannel } from './channels/api/api-channel.ts'
import { ReviewController } from './channels/api/review.controller.ts'
import { SlackCallbackController } from './channels/slack/slack-callback.controller.ts'
import type { SlackCallback } from './channels/slack/slack-callback.ts'
import { ChangeGroup } from './keep-directory/change-group.handler.ts'
import { FreeLogin } from './keep-directory/free-login.handler.ts'
import { KeepDirectoryController } from './keep-directory/keep-directory.controller.ts'
import { LinkPeople } from './keep-directory/link-people.handler.ts'
import { ReadDirectory } from './keep-directory/read-directory.ts'
import { ReviewGroup } from './keep-directory/review-group.handler.ts'
import { RegisterPerson } from './keep-directory/register-person.handler.ts'
import { LinkAccountController } from './link-account/link-account.controller.ts'
import { LinkAccount } from './link-account/link-account.handler.ts'
import { UnlinkAccount } from './link-account/unlink-account.handler.ts'
import { LinkPageController } from './link-account/link-page.controller.ts'
import type { LinkPage } from './link-account/link-page.ts'
import { FollowReviewsController } from './present-review/follow-reviews.controller.ts'
import { FollowReviews } from './present-review/follow-reviews.ts'
import type { RecordRefusals } from './record-refusal/record-refusals.ts'
import { KeysPageController } from './register-key/keys-page.controller.ts'
import type { KeysPage } from './register-key/keys-page.ts'
import { SignInController } from './sign-in/sign-in.controller.ts'
import { SignOutController } from './sign-in/sign-out.controller.ts'
import type { SignIn } from './sign-in/sign-in.ts'
import { VerdictPageController } from './step-up/verdict-page.controller.ts'
import type { VerdictPage } from './step-up/verdict-page.ts'
import { KEYS_PAGE, LINK_PAGE, NOTIFIER_POOL, PUBLIC_URL, SIGN_IN, SLACK_CALLBACK, VERDICT_PAGE } from './tokens.ts'
import { ConnectFeedController } from './take-scim/connect-feed.controller.ts'
import { DirectoryFeeds } from './take-scim/directory-feed.ts'
import { ScimGroups } from './take-scim/scim-groups.ts'
import { ScimUsers } from './take-scim/scim-users.ts'
import { ScimController } from './take-scim/scim.controller.ts'

export type NotifierParts = {
  readonly pool: pg.Pool
  readonly people: RegisterPerson
  readonly logins: FreeLogin
  readonly peopleLinks: LinkPeople
  readonly groups: ChangeGroup
  readonly groupReviews: ReviewGroup
  readonly directory: ReadDirectory
  readonly feeds: DirectoryFeeds
  readonly scimUsers: ScimUsers
  readonly scimGroups: ScimGroups
  readonly accounts: LinkAccount
  readonly unlinking: UnlinkAccount
  readonly reviews: FollowReviews
  readonly api: ApiChannel
  readonly slack: SlackCallback | null
  readonly publicUrl: string
  readonly signIn: SignIn | null
  readonly linkPage: LinkPage | null
  readonly verdictPage: VerdictPage | null
  readonly keysPage: KeysPage | null
  readonly refusals: RecordRefusals
}

/** The notifier's controllers over parts that its composition made. */
@Module({})
export class NotifierModule {
  static with(parts: NotifierParts): DynamicModule {
    const { pool, people, groups, accounts, reviews, api, slack, refusals } = parts
    return {
      module: NotifierModule,
      controllers: [
        KeepDirectoryController,
        ConnectFeedController,
        ScimController,
        LinkAccountController,
        FollowReviewsController,
        ReviewController,
        SlackCallbackController,
        SignInController,
        SignOutController,
        LinkPageController,
        VerdictPageController,
        KeysPageController,
      ],
      providers: [
        { provide: NOTIFIER_POOL, useFactory: () => pool },
        { provide: APP_INTERCEPTOR, useFactory: () => refusals },
        { provide: RegisterPerson, useFactory: () => people },
        { provide: FreeLogin, useFactory: () => parts.logins },
        { provide: LinkPeople, useFactory: () => parts.peopleLinks },
        { provide: ChangeGroup, useFactory: () => groups },
        { provide: ReviewGroup, useFactory: () => parts.groupReviews },
        { provide: ReadDirectory, useFactory: () => parts.directory },
        { provide: DirectoryFeeds, useFactory: () => parts.feeds },
        { provide: ScimUsers, useFactory: () => parts.scimUsers },
        { provide: ScimGroups, useFactory: () => parts.scimGroups },
        { provide: LinkAccount, useFactory: () => accounts },
        { provide: UnlinkAccount, useFactory: () => parts.unlinking },
        { provide: FollowReviews, useFactory: () => reviews },
        { provide: ApiChannel, useFactory: () => api },
        { provide: SLACK_CALLBACK, useFactory: () => slack },
        { provide: PUBLIC_URL, useFactory: () => parts.publicUrl },
        { provide: SIGN_IN, useFactory: () => parts.signIn },
        { provide: LINK_PAGE, useFactory: () => parts.linkPage },
        { provide: VERDICT_PAGE, useFactory: () => parts.verdictPage },
        { provide: KEYS_PAGE, useFactory: () => parts.keysPage },
      ],
    }
  }
}
