import type { Bus } from '@countersign/bus'
import { groups as consumerGroups, ownedTypes } from '@countersign/contracts'
import {
  bootCheck,
  deploymentKeyFromFile,
  eventStore,
  keyring,
  newId,
  notifyStore,
  storePool,
} from '@countersign/event-store'
import {
  BusTransport,
  type Compose,
  type Consumer,
  type Log,
  recordVerifier,
  type ServiceParts,
  observeBusLag,
  openStoreGuard,
  tokenVerifierFor,
  WaitingReaders,
} from '@countersign/service-kit'
import type pg from 'pg'
import { ApiChannel } from './channels/api/api-channel.ts'
import { placesFrom } from './channels/places.ts'
import { connectSlack } from './channels/slack/connect-slack.ts'
import type { SlackCallback } from './channels/slack/slack-callback.ts'
import { ChangeGroup } from './keep-directory/change-group.handler.ts'
import { FreeLogin } from './keep-directory/free-login.handler.ts'
import { LinkPeople } from './keep-directory/link-people.handler.ts'
import { ReadDirectory } from './keep-directory/read-directory.ts'
import { ReviewGroup } from './keep-directory/review-group.handler.ts'
import { RegisterPerson } from './keep-directory/register-person.handler.ts'
import { RemovePerson } from './keep-directory/remove-person.handler.ts'
import { connectPages, hasPages } from './sign-in/connect-pages.ts'
import { LinkAccount } from './link-account/link-account.handler.ts'
import { UnlinkAccount } from './link-account/unlink-account.handler.ts'
import type { NotifierConfig } from './notifier.config.ts'
import { NotifierModule } from './notifier.module.ts'
import { DeliverCards } from './present-review/deliver-cards.ts'
import { FollowReviews } from './present-review/follow-reviews.ts'
import { RecordRefusal } from './record-refusal/record-refusal.handler.ts'
import { RecordRefusals } from './record-refusal/record-refusals.ts'
import { DirectoryFeeds } from './take-scim/directory-feed.ts'
import { ScimGroups } from './take-scim/scim-groups.ts'
import { ScimUsers } from './take-scim/scim-users.ts'
import { RecordVerdict } from './record-verdict/record-verdict.handler.ts'

/** What the service does not open itself. */
export type NotifierDependencies = {
  /** The caller closes it, after the service has stopped. */
  readonly bus: Bus
}

/** How the notifier service is composed on a bus; for `runService` and `buildService`. */
export const notifierService =
  ({ bus }: NotifierDependencies): Compose<NotifierConfig> =>
  async ({ config, log, checks, stopping }): Promise<ServiceParts> => {
    const pool = storePool({
      connectionString: config.DATABASE_URL.reveal(),
      max: config.DATABASE_POOL,
      applicationName: 'countersign-notifier',
    })
    pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
    try {
      await refuseUnsafeStore(pool)
      const { guard } = await openStoreGuard({ config, log, checks }, { pool, writer: `notifier-${newId()}` })
      const wakeUps = notifyStore(pool, { onError: (error) => log.warn({ err: error }, 'readers were not woken') })
      const store = eventStore(pool, {
        metadata: { service: 'notifier' },
        onAppended: (moved) => wakeUps.wake(moved),
        guard,
      })
      const keys = keyring({ pool, deploymentKey: await deploymentKeyFromFile(config.DEPLOYMENT_KEY_FILE) })
      const source = { pool, store, keyring: keys }
      const waiting = new WaitingReaders()
      const verdicts = new RecordVerdict({
        store,
        keyring: keys,
        collectWithinMs: config.COLLECT_WITHIN_MS,
        onRecorded: () => cards.wake(),
      })
      const verifier = tokenVerifierFor(config, log)
      const refusals = new RecordRefusals({ pool, verifier, record: new RecordRefusal(store), log })
      const slack = connectSlack({ config, pool, verdicts, hasPages: hasPages(config), log })
      const assurance = { mfaAcr: config.OIDC_MFA_ACR, mfaAmr: config.OIDC_MFA_AMR }
      const accounts = new LinkAccount(store)
      const pages = connectPages({ config, source, verdicts, accounts, assurance, slack: slack?.workspace, log })
      const cards = new DeliverCards({ ...source, channels: slack === undefined ? [] : [slack.channel], log })
      const reviews = new FollowReviews({
        pool,
        places: placesFrom(slack === undefined ? [] : config.SLACK_CHANNELS),
        onTracked: (tracked) => {
          cards.wake()
          waiting.wake(tracked.map(({ reviewId }) => reviewId))
        },
      })
      checks.register({
        name: 'store',
        effect: 'not_ready',
        probe: async () => {
          await pool.query('select 1')
          return undefined
        },
      })
      checks.register({ name: 'deliver_cards', effect: 'degraded', probe: () => cards.trouble })
      const people = new RegisterPerson(pool, store)
      const groups = new ChangeGroup(store)
      const baseUrl = config.PUBLIC_URL.replace(/\/+$/, '')
      const lag = observeBusLag(bus, consumerGroups.notifier)
      return {
        module: NotifierModule.with({
          pool,
          people,
          logins: new FreeLogin(store, { pool, operatorsOf: config.OPERATORS_TENANT }),
          peopleLinks: new LinkPeople(store),
          groups,
          feeds: new DirectoryFeeds(pool, store),
          scimUsers: new ScimUsers({ pool, people, removal: new RemovePerson(pool, store), baseUrl }),
          scimGroups: new ScimGroups({ pool, groups, baseUrl }),
          accounts,
          groupReviews: new ReviewGroup(store),
          directory: new ReadDirectory(pool),
          unlinking: new UnlinkAccount(store),
          reviews,
          api: new ApiChannel(source, verdicts, assurance, { tracked: waiting, stopping }),
          slack: slack?.callback ?? null,
          publicUrl: config.PUBLIC_URL,
          signIn: pages?.signIn ?? null,
          linkPage: pages?.link ?? null,
          verdictPage: pages?.verdict ?? null,
          keysPage: pages?.keys ?? null,
          refusals,
        }),
        verifier,
        edge: { onRefused: (refusal) => refusals.ofEdge(refusal) },
        transport: eventsOf(bus, config, log),
        consumers: [cards, ...(slack === undefined ? [] : [finishing(slack.callback)])],
        onStop: async () => {
          lag.remove()
          await wakeUps.close()
          await pool.end()
        },
      }
    } catch (error) {
      await pool.end()
      throw error
    }
  }

const eventsOf = (bus: Bus, config: NotifierConfig, log: Log): BusTransport =>
  new BusTransport({
    bus,
    group: consumerGroups.notifier,
    verify: recordVerifier([
      { kid: config.BUS_MAC_KEY_ID, secret: Buffer.from(config.BUS_MAC_KEY.reveal(), 'base64url') },
    ]),
    onMacInvalid: (topic, records) => log.error({ topic, records }, 'records of the bus have a wrong MAC'),
  })

const refuseUnsafeStore = async (pool: pg.Pool): Promise<void> => {
  const problems = await bootCheck(pool, ownedTypes('notifier'))
  if (problems.length > 0)
    throw new Error(`the store is not safe to decide on: ${problems.map(({ detail }) => detail).join('; ')}`)
}

/** What was acknowledged to Slack is finished before the service stops. */
const finishing = (callback: SlackCallback): Consumer => ({
  name: 'slack-callbacks',
  start: async () => undefined,
  stop: () => callback.idle(),
})
