import { isRefusal, type Refusal } from '@countersign/contracts'
import type { Log } from '@countersign/service-kit'
import { App, type Receiver } from '@slack/bolt'
import { type CardValue, readCardValue } from './card-value.ts'
import { continueBlocks, type ContinueHere, type ContinueOnPage } from './continue-here.ts'
import { type ButtonPress, type Interaction, type ModalSubmission, namesOf, userOf } from './interaction.ts'
import { slackLogger } from './slack-logger.ts'
import { clientOptions, delivered, type SlackSettings, type SlackWorkspace } from './slack-workspace.ts'
import type { SlackUser, TakeVerdict } from './take-verdict.ts'
import {
  readOrigin,
  reasonBlock,
  reasonInput,
  refusalText,
  refusedModal,
  verdictCallback,
  verdictModal,
} from './verdict-modal.ts'

export type BoltAppOptions = {
  readonly settings: SlackSettings
  readonly workspace: SlackWorkspace
  readonly valueKey: Uint8Array
  readonly verdicts: TakeVerdict
  /** Undefined where there are no pages. */
  readonly pages: ContinueOnPage | undefined
  readonly log: Log
}

/** Requests come through our own HTTP edge and are verified there, so Bolt listens on nothing. */
const noReceiver: Receiver = { init: () => undefined, start: async () => undefined, stop: async () => undefined }

/** How long Slack waits at most for what a modal shall do; a verdict that takes longer is answered in the channel. */
const modalPatienceMs = 800

/** Thrown when what came back from a card is not what we put there. */
export class CardTampered extends Error {}

/** The Slack app: what each button and modal does. */
export const boltApp = ({ settings, workspace, valueKey, verdicts, pages, log }: BoltAppOptions): App => {
  const app = new App({
    receiver: noReceiver,
    authorize: async () => ({ botToken: settings.botToken, ...(await workspace.installation()) }),
    clientOptions: clientOptions(settings.apiUrl, log),
    logger: slackLogger(log),
    convoStore: false,
  })
  // The caller of processEvent has to know: without an answer the callback fails.
  app.error(async (error) => {
    throw error
  })

  const valueIn = async (interaction: Interaction, text: string | undefined, verdict?: string): Promise<CardValue> => {
    const returned = text === undefined ? undefined : readCardValue(valueKey, interaction.team.id, text)
    if (returned?.isAuthentic === true && (verdict ?? returned.value.verdict) === returned.value.verdict) {
      return returned.value
    }
    if (returned !== undefined) await verdicts.refuseChanged(userOf(interaction), returned.value)
    throw new CardTampered('a card came back changed')
  }
  const tell = async (channel: string, user: SlackUser, refusal: Refusal, onward?: ContinueHere): Promise<void> => {
    const text = refusalText(refusal)
    const blocks = onward === undefined ? {} : { blocks: continueBlocks(text, onward) }
    await delivered(workspace.client.chat.postEphemeral({ channel, user: user.userId, text, parse: 'none', ...blocks }))
  }

  for (const verdict of ['approve', 'deny'] as const) {
    app.action(verdict, async ({ ack, body }) => {
      const press = body as unknown as ButtonPress
      const text = press.actions[0]?.value
      const value = await valueIn(press, text, verdict)
      await ack()
      const user = userOf(press)
      const review = await verdicts.ask(user, value)
      if (isRefusal(review)) {
        const onward = await pages?.after(review, { ...user, ...namesOf(press) }, value)
        return tell(press.channel.id, user, review, onward)
      }
      const view = verdictModal(verdict, review, { value: text ?? '', channel: press.channel.id })
      await delivered(workspace.client.views.open({ trigger_id: press.trigger_id, view }))
    })
  }
  // Slack also reports buttons that only open a link.
  for (const link of ['details', 'review_in_full', 'continue_here']) app.action(link, ({ ack }) => ack())

  app.view({ callback_id: verdictCallback, type: 'view_submission' }, async ({ ack, body }) => {
    const submission = body as unknown as ModalSubmission
    const origin = readOrigin(submission.view.private_metadata)
    const value = await valueIn(submission, origin?.value)
    const reason = submission.view.state.values[reasonBlock]?.[reasonInput]?.value ?? undefined
    const user = userOf(submission)
    const outcome = verdicts.record(user, value, reason)
    const early = await Promise.race([outcome, afterPatience()])
    if (early === undefined) await ack()
    const settled = await outcome
    if (!isRefusal(settled)) {
      if (early !== undefined) await ack()
    } else if (early === undefined) {
      await tell(origin?.channel ?? '', user, settled)
    } else if (settled.code === 'reason_required') {
      await ack({ response_action: 'errors', errors: { [reasonBlock]: refusalText(settled) } })
    } else {
      await ack({ response_action: 'update', view: refusedModal(settled) })
    }
  })
  return app
}

const afterPatience = (): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), modalPatienceMs).unref())
