export type { Delivery, SignedRequest } from './slack/interaction.ts'
export {
  type Click,
  type LoopbackSlack,
  type LoopbackSlackOptions,
  type Refusal,
  startLoopbackSlack,
  type Submission,
} from './slack/start-loopback-slack.ts'
export type { Message, OpenView, SlackChannel, SlackPerson } from './slack/workspace.ts'
