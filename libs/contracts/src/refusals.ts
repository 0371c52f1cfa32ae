import { grantRefusals } from './grant-refusals.ts'
import type { AssuranceDemand } from './review.schema.ts'

/**
 * Every code with which Countersign says no. A refusal is an expected answer: `title` says what happened, `next` what the
 * caller can do. HTTP status codes are service-kit's business.
 */
export const refusals = {
  // reading a request
  body_too_large: { title: 'The request is larger than allowed', next: 'Send less, or a digest of it.' },
  invalid_json: { title: 'The body is not valid JSON', next: 'Send one JSON object in UTF-8.' },
  invalid_utf8: { title: 'The body is not valid UTF-8', next: 'Encode the body as UTF-8.' },
  bom_not_allowed: { title: 'The body starts with a byte order mark', next: 'Send plain UTF-8 without it.' },
  duplicate_key: { title: 'An object in the body has the same key twice', next: 'Send each key once.' },
  depth_exceeded: { title: 'The body is nested too deeply', next: 'Flatten it.' },
  too_many_keys: { title: 'The body has too many keys', next: 'Send fewer fields.' },
  key_too_long: { title: 'A key in the body is too long', next: 'Shorten the key.' },
  array_too_long: { title: 'An array in the body is too long', next: 'Send fewer items.' },
  string_too_long: { title: 'A string in the body is too long', next: 'Shorten it, or send a digest.' },
  lone_surrogate: { title: 'A string holds half of a surrogate pair', next: 'Send well-formed Unicode.' },
  nul_character: { title: 'A string holds U+0000', next: 'Remove the character.' },
  negative_zero: { title: 'The number -0 has no canonical form', next: 'Send 0.' },
  number_not_exact: { title: 'A number changes when it is read', next: 'Send it as a string.' },
  forbidden_key: { title: 'A key is reserved by the JavaScript language', next: 'Rename the key.' },
  root_not_object: { title: 'The body is not a JSON object', next: 'Send one JSON object.' },
  invalid_request: { title: 'A field is missing or wrong', next: 'See the pointers and the OpenAPI description.' },
  unknown_field: {
    title: 'The request has a field that is not known',
    next: 'Remove it; see the OpenAPI description.',
  },
  secret_in_field: {
    title: 'A clear field looks like it holds a secret',
    next: 'Move it to the parameters, which are sealed.',
  },
  hidden_text: { title: 'A clear field holds invisible characters', next: 'Remove them.' },
  no_value: { title: 'The record has no value', next: 'Send one CloudEvent as JSON.' },
  wrong_event_type: {
    title: 'Events of this type do not belong on this topic',
    next: 'See the AsyncAPI description for what each topic takes.',
  },
  wrong_subject: {
    title: 'Key, subject and content do not name the same intent',
    next: 'Send the intent id as key and as subject.',
  },
  unsupported_media_type: { title: 'The content type is not accepted', next: 'Send application/json.' },
  method_not_allowed: { title: 'The path does not take this method', next: 'See the Allow header.' },
  not_found: { title: 'There is nothing here for you', next: 'Check the address and who you are.' },
  idempotency_key_missing: {
    title: 'The Idempotency-Key header is missing',
    next: 'Send a key of your own, 1 to 255 visible ASCII characters.',
  },
  idempotency_key_invalid: {
    title: 'The Idempotency-Key header is not usable',
    next: 'Send 1 to 255 visible ASCII characters.',
  },
  id_conflict: {
    title: 'The same key was used for another request',
    next: 'Use a new Idempotency-Key for a new request.',
  },
  too_many_requests: { title: 'Too many requests', next: 'Wait as long as Retry-After says.' },
  store_not_adopted: {
    title: 'The store was restored or replaced and is not adopted yet: it only serves reads',
    next: 'Try again once an operator has run countersign store adopt; nothing was recorded.',
  },
  store_in_order: {
    title: 'There is nothing to adopt: the store is the one that was published from',
    next: 'Nothing to do.',
  },
  log_in_order: {
    title: 'The log is signed, or there is no such log: there is nothing to go on from',
    next: 'Nothing to do. countersign store lists the logs that are not signed.',
  },
  log_damaged: {
    title: 'What is left of the log, or its mark, does not hold: that is not what a restore does',
    next: 'Find out what changed it with countersign verify --store, and restore a copy that holds.',
  },
  log_not_adopted: {
    title: 'No store was adopted since the log went on last, so nothing explains what it lacks',
    next: 'If the database was restored, adopt the store first. If not, somebody took entries out.',
  },
  // who is asking
  token_missing: { title: 'There is no bearer token', next: 'Send Authorization: Bearer <token>.' },
  token_invalid: {
    title: 'The token is not valid here',
    next: 'Get a token from the configured issuer for this audience.',
  },
  token_expired: { title: 'The token has expired', next: 'Get a new token.' },
  identity_provider_unavailable: {
    title: 'The identity provider cannot be reached',
    next: 'Try again later; nobody is let in meanwhile.',
  },
  not_human: { title: 'Only a person may do this', next: 'Sign in as yourself.' },
  not_allowed: { title: 'You may not do this', next: 'Ask who may; the documentation has the table.' },
  unknown_producer: { title: 'The token belongs to no registered producer', next: 'Register the producer first.' },
  agent_not_yours: { title: 'The agent is not registered for this producer', next: 'Use an agent of your own.' },
  agent_taken: {
    title: 'The agent is registered by somebody else or otherwise',
    next: 'Choose another name, or ask an operator.',
  },
  client_taken: {
    title: 'The client speaks for another agent or producer',
    next: 'Use a client of its own, or remove the other one first.',
  },
  client_of_people: {
    title: 'People sign in through this client',
    next: 'Give the program a client of its own.',
  },
  directory_fed: {
    title: 'The directory of this tenant is kept by its identity provider',
    next: 'Change it there.',
  },
  own_change: {
    title: 'Nobody reviews their own change',
    next: 'Another operator or security admin has to look.',
  },
  unknown_owner: {
    title: 'The owner is no active person and no group of the directory',
    next: 'Register the person or the group first.',
  },
  too_many_owners: {
    title: 'The groups that own the agent have too many members',
    next: 'Name a smaller group as owner, at most 256 people.',
  },
  freeze_credential_invalid: {
    title: 'This is not the freeze credential of the deployment',
    next: 'Use the one that was printed at the first start, or have an operator freeze.',
  },
  // an intent
  unknown_action: { title: 'No policy knows this action', next: 'Add a rule for it, or use a known action.' },
  policy_error: { title: 'The policy could not be evaluated, so the action is denied', next: 'Mend the policy set.' },
  policy_denied: { title: 'Policy denies this action', next: 'See the rules that decided.' },
  limit_reached: {
    title: 'The agent has used up what a rule allows it in this window',
    next: 'Wait for the next window, or have the rule name who may allow more.',
  },
  deadline_invalid: {
    title: 'The deadline is not between 30 seconds and 30 days from now',
    next: 'Leave it out or choose another.',
  },
  time_invalid: { title: 'A time does not exist or lies in the future', next: 'Send an RFC 3339 time in UTC.' },
  unknown_intent: { title: 'There is no such intent for you', next: 'Check the id.' },
  not_decided: { title: 'The intent is not decided yet', next: 'Wait for the decision.' },
  intent_denied: { title: 'The intent was denied', next: 'Ask differently; the reasons are with the intent.' },
  intent_expired: { title: 'The deadline has passed', next: 'Publish a new intent.' },
  intent_withdrawn: { title: 'The intent was withdrawn', next: 'Publish a new intent.' },
  intent_closed: { title: 'The intent has ended', next: 'Publish a new intent.' },
  too_late_to_withdraw: { title: 'A grant was issued; revoke it instead', next: 'POST /v1/grants/{id}/revoke.' },
  unknown_event: {
    title: 'The history holds an event this version does not know',
    next: 'Update the service; it decides nothing meanwhile.',
  },
  // a verdict
  unknown_review: { title: 'There is no such review for you', next: 'Check the id.' },
  review_closed: { title: 'The review is closed', next: 'See the intent for how it ended.' },
  review_expired: { title: 'The review’s deadline has passed', next: 'A new intent is needed.' },
  self_approval: { title: 'Nobody may approve their own request', next: 'Somebody else of the group has to look.' },
  owner_of_agent: {
    title: 'Owners of the agent or its producer may not approve for it',
    next: 'Somebody else of the group has to look.',
  },
  in_delegation_chain: {
    title: 'Whom the request passed through may not approve it',
    next: 'Somebody else of the group has to look.',
  },
  policy_author: {
    title: 'Who changed the policy that asked, a seat’s group or the agent may not approve yet',
    next: 'Somebody else of the group has to look.',
  },
  seated_by_party: {
    title: 'Who gave you the seat is a party to this request',
    next: 'Have another person review the change of the group (countersign seats review), or somebody else look.',
  },
  seat_unreviewed: {
    title: 'One person alone has given you the seat, so it does not count yet',
    next: 'Another operator or security admin reviews the change of the group (countersign seats review).',
  },
  not_eligible: { title: 'You hold none of the seats that are asked for', next: 'The review names the groups.' },
  joined_after_request: {
    title: 'You got your seat after this review was asked for',
    next: 'Somebody who held the seat before has to look.',
  },
  seat_taken: { title: 'The seats you could fill are filled', next: 'Somebody of another group has to look.' },
  already_voted: { title: 'You have already given a verdict', next: 'One person counts once.' },
  account_not_linked: {
    title: 'This account belongs to no known person',
    next: 'Link it first: a click on a card in the chat brings the address.',
  },
  account_taken: {
    title: 'This account belongs to somebody, or you have one in this workspace already',
    next: 'Ask an operator to unlink the one that is wrong.',
  },
  address_used: {
    title: 'This address was used, has run out or never was one of ours',
    next: 'Press the button in the chat again.',
  },
  person_taken: {
    title: 'This person is of another tenant',
    next: 'One login is of one tenant. If that is wrong, whoever runs the deployment frees it: countersign people free.',
  },
  last_operator: {
    title: 'Nobody else could operate this tenant then',
    next: 'Make another person an operator first; who awaits review does not count.',
  },
  person_inactive: { title: 'This person is not active in the directory', next: 'Ask the directory’s owner.' },
  card_stale: { title: 'What you saw is not what is asked', next: 'Read the review again.' },
  card_incomplete: {
    title: 'Not everything was shown on this card',
    next: 'Read the whole review over the API or in the console.',
  },
  step_up_required: {
    title: 'This decision asks for a surer or more recent sign-in',
    next: 'Sign in again as the review demands. A no is taken without it.',
  },
  signature_invalid: {
    title: 'No security key of yours signed exactly what was shown',
    next: 'Try again on the page, with a key that you registered.',
  },
  key_taken: { title: 'This security key is registered already', next: 'Use another one.' },
  reason_required: { title: 'A reason is required', next: 'Say why.' },
  directory_stale: {
    title: 'Nothing was heard of the directory for too long, so it decides nothing',
    next: 'Try again once the directory is pushed again.',
  },
  ...grantRefusals,
  // an execution
  not_redeemed: { title: 'No grant was redeemed for this execution', next: 'Redeem the grant before running.' },
  already_reported: { title: 'The result was reported already', next: 'Nothing more to do.' },
} as const satisfies Record<string, { title: string; next: string }>

export type RefusalCode = keyof typeof refusals

export const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(refusals, code)

/** An expected no. `pointer` names a field, never its value. */
export type Refusal = {
  readonly refused: true
  readonly code: RefusalCode
  readonly pointer?: string
  readonly rules?: readonly string[]
  readonly expiresAt?: string
  /** What a sign-in has to prove. */
  readonly assurance?: AssuranceDemand
}

export const refuse = (code: RefusalCode, more: Omit<Refusal, 'refused' | 'code'> = {}): Refusal => ({
  refused: true,
  code,
  ...more,
})

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
