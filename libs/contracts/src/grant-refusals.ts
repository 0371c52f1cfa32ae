/** What collecting, redeeming and revoking a grant can answer beside what every request can. */
export const grantRefusals = {
  unknown_grant: { title: 'There is no such grant for you', next: 'Check the id.' },
  wrong_executor: {
    title: 'The grant is bound to another executor',
    next: 'The executor named in the intent must ask.',
  },
  grant_token_invalid: {
    title: 'The token is no grant of this deployment',
    next: 'Collect the grant again and present its token as it came.',
  },
  dpop_missing: {
    title: 'The executor’s key has to be proven',
    next: 'Send a DPoP header (RFC 9449) by the key that the grant or the agent is bound to.',
  },
  certificate_missing: {
    title: 'The grant is bound to a client certificate',
    next: 'Ask over mutual TLS (RFC 8705), with the certificate that collected the grant.',
  },
  certificate_mismatch: {
    title: 'The client certificate is not the one that is bound',
    next: 'Use the certificate that collected the grant.',
  },
  dpop_invalid: { title: 'The DPoP proof cannot be verified', next: 'Send one proof by RFC 9449.' },
  dpop_other_request: {
    title: 'The DPoP proof was made for another request',
    next: 'Make one for this method and address.',
  },
  dpop_other_token: {
    title: 'The DPoP proof was made for another access token',
    next: 'Put the SHA-256 of this access token into ath.',
  },
  dpop_stale: {
    title: 'The DPoP proof is not of this minute',
    next: 'Set the clock, and make a proof for each request.',
  },
  dpop_replayed: { title: 'The DPoP proof was presented before', next: 'Make a proof for each request.' },
  dpop_wrong_key: {
    title: 'The proven key is not the one that is bound',
    next: 'Use the key that the agent is registered with, and that collected the grant.',
  },
  grant_mismatch: { title: 'The token is of another grant', next: 'Present the token of this grant.' },
  tenant_mismatch: { title: 'The token is of another tenant', next: 'Collect the grant again.' },
  intent_mismatch: { title: 'The token is of another intent', next: 'Present the token of this intent’s grant.' },
  agent_mismatch: { title: 'The token names another agent', next: 'Collect the grant again.' },
  on_behalf_of_mismatch: { title: 'The token acts for somebody else', next: 'Collect the grant again.' },
  binding_version_mismatch: {
    title: 'The token binds the action in another way than it was approved',
    next: 'Collect the grant again.',
  },
  action_mismatch: { title: 'This is not the action that was approved', next: 'Run what was approved, or ask anew.' },
  target_mismatch: { title: 'This is not the target that was approved', next: 'Run what was approved, or ask anew.' },
  environment_mismatch: {
    title: 'This is not the environment that was approved',
    next: 'Run what was approved, or ask anew.',
  },
  parameters_mismatch: {
    title: 'A parameter is not what was approved',
    next: 'Run exactly what was approved, or ask anew.',
  },
  preconditions_mismatch: {
    title: 'A precondition that was approved was not observed, or one was observed that was not approved',
    next: 'Observe exactly what was approved, right before redeeming.',
  },
  stale: {
    title: 'The target is not as it was when it was approved',
    next: 'Look at what changed and publish a new intent.',
  },
  binding_mismatch: {
    title: 'This is not the action that was approved',
    next: 'Recompute the digest from the disclosed binding and exactly what you run, or ask anew.',
  },
  already_redeemed: { title: 'The grant has been used', next: 'Publish a new intent.' },
  grant_revoked: { title: 'The grant was revoked', next: 'Publish a new intent.' },
  grant_expired: { title: 'The grant has expired', next: 'Publish a new intent.' },
  intent_outdated: {
    title: 'The store was restored after this intent was published',
    next: 'Publish a new intent.',
  },
  frozen: {
    title: 'The deployment, tenant, producer, agent, action or environment is frozen',
    next: 'Ask an operator.',
  },
  no_longer_eligible: { title: 'Who approved is no longer eligible', next: 'Publish a new intent.' },
} as const satisfies Record<string, { title: string; next: string }>
