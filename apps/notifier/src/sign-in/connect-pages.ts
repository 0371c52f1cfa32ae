import { type Log, pageClientsIn } from '@countersign/service-kit'
import type { AssuranceRules } from '../assurance.ts'
import type { SlackWorkspace } from '../channels/slack/slack-workspace.ts'
import { delivered } from '../channels/slack/slack-workspace.ts'
import { LinkPage } from '../link-account/link-page.ts'
import type { LinkAccount } from '../link-account/link-account.handler.ts'
import type { ReviewSource } from '../present-review/open-review.ts'
import type { RecordVerdict } from '../record-verdict/record-verdict.handler.ts'
import { VerdictPage } from '../step-up/verdict-page.ts'
import type { NotifierConfig } from '../notifier.config.ts'
import type { LinkTicket } from './page-tickets.ts'
import { KeysPage } from '../register-key/keys-page.ts'
import { RegisterKey } from '../register-key/register-key.handler.ts'
import { RemoveKey } from '../register-key/remove-key.handler.ts'
import { RelyingParties } from './relying-parties.ts'
import { SignIn } from './sign-in.ts'

export type ConnectPagesOptions = {
  readonly config: NotifierConfig
  readonly source: ReviewSource
  readonly verdicts: RecordVerdict
  readonly accounts: LinkAccount
  readonly assurance: AssuranceRules
  readonly slack: SlackWorkspace | undefined
  readonly log: Log
}

export type Pages = {
  readonly signIn: SignIn
  readonly link: LinkPage
  readonly verdict: VerdictPage
  readonly keys: KeysPage
}

/** Whether people can sign in on pages of this deployment. */
export const hasPages = (config: NotifierConfig): boolean => {
  const { OIDC_ISSUER, OIDC_PAGES_CLIENT_ID, PUBLIC_URL } = config
  if (OIDC_PAGES_CLIENT_ID !== undefined && OIDC_ISSUER === undefined)
    throw new Error('OIDC_PAGES_CLIENT_ID needs OIDC_ISSUER: it is where people sign in')
  if (OIDC_PAGES_CLIENT_ID === undefined && pageClientsIn(config).length === 0) return false
  if (new URL(PUBLIC_URL).pathname !== '/') throw new Error('pages need a PUBLIC_URL without a path')
  return true
}

/** The pages; undefined where no client of the identity provider is configured for them. */
export const connectPages = (options: ConnectPagesOptions): Pages | undefined => {
  const { config, source, verdicts, accounts, assurance, slack, log } = options
  const { pool } = source
  const { PUBLIC_URL } = config
  if (!hasPages(config)) return undefined
  const parties = new RelyingParties({ config, acrValues: assurance.mfaAcr, log })
  const tell = async ({ userId }: LinkTicket, text: string): Promise<void> => {
    if (slack !== undefined)
      await delivered(slack.client.chat.postMessage({ channel: userId, text, parse: 'none', mrkdwn: false }))
  }
  return {
    signIn: new SignIn({ pool, parties, assurance }),
    link: new LinkPage({ pool, accounts, tell, log }),
    verdict: new VerdictPage(source, verdicts, PUBLIC_URL),
    keys: new KeysPage({
      pool,
      keys: new RegisterKey(source.store),
      removal: new RemoveKey(source.store),
      publicUrl: PUBLIC_URL,
    }),
  }
}
