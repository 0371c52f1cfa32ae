/** Codes of the HTTP edge itself, beyond the catalogue in contracts. */
export const edgeRefusals: Readonly<Record<string, { title: string; next: string }>> = {
  malformed_request: {
    title: 'The request is not well-formed HTTP',
    next: 'Check the client or the proxy in between.',
  },
  duplicate_header: { title: 'A header that may come once came twice', next: 'Send it once.' },
  unknown_parameter: { title: 'The query has a parameter that is not known', next: 'See the OpenAPI description.' },
  duplicate_parameter: { title: 'A query parameter came twice', next: 'Send each parameter once.' },
  invalid_parameter: { title: 'A query parameter is missing or wrong', next: 'See the OpenAPI description.' },
  request_timeout: { title: 'The request took too long to arrive', next: 'Send it again in one go.' },
  uri_too_long: { title: 'The address is too long', next: 'Shorten it.' },
  headers_too_large: { title: 'The headers are larger than 16 KiB', next: 'Send fewer or shorter headers.' },
  expectation_failed: { title: 'The Expect header is not supported', next: 'Send only 100-continue, or nothing.' },
  shutting_down: { title: 'This instance is stopping', next: 'Send it again.' },
  overloaded: { title: 'The service cannot take the request now', next: 'Wait as long as Retry-After says.' },
  store_unavailable: {
    title: 'The database cannot be reached now; what was asked may have happened or not',
    next: 'Send it again with the same Idempotency-Key: what happened is not done twice.',
  },
  internal_error: { title: 'Something went wrong on our side', next: 'Tell the operator the trace or request id.' },
}

/** The only table from code to HTTP status. */
const codesByStatus: Readonly<Record<number, string>> = {
  400: `
    invalid_json invalid_utf8 bom_not_allowed duplicate_key depth_exceeded too_many_keys key_too_long
    array_too_long string_too_long lone_surrogate nul_character negative_zero number_not_exact forbidden_key
    root_not_object invalid_request unknown_field secret_in_field hidden_text idempotency_key_missing
    idempotency_key_invalid reason_required time_invalid deadline_invalid malformed_request duplicate_header
    unknown_owner unknown_parameter duplicate_parameter invalid_parameter no_value wrong_event_type wrong_subject
  `,
  401: 'token_missing token_invalid token_expired step_up_required signature_invalid',
  403: `
    agent_taken client_taken client_of_people directory_fed own_change too_many_owners not_human not_allowed unknown_producer agent_not_yours policy_denied limit_reached
    self_approval
    owner_of_agent in_delegation_chain policy_author seated_by_party seat_unreviewed not_eligible joined_after_request account_not_linked person_inactive person_taken last_operator
    wrong_executor frozen no_longer_eligible grant_token_invalid freeze_credential_invalid
    dpop_missing dpop_invalid dpop_other_request dpop_other_token dpop_stale dpop_replayed dpop_wrong_key
    certificate_missing certificate_mismatch
  `,
  404: 'not_found unknown_intent unknown_review unknown_grant address_used',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: `
    id_conflict not_decided intent_denied intent_expired intent_withdrawn intent_closed
    too_late_to_withdraw review_closed review_expired seat_taken already_voted card_stale
    card_incomplete binding_mismatch already_redeemed grant_revoked grant_expired not_redeemed already_reported
    intent_outdated store_in_order log_in_order log_damaged log_not_adopted grant_mismatch tenant_mismatch intent_mismatch agent_mismatch
    on_behalf_of_mismatch binding_version_mismatch action_mismatch target_mismatch environment_mismatch
    parameters_mismatch preconditions_mismatch stale account_taken key_taken
  `,
  413: 'body_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  417: 'expectation_failed',
  422: 'unknown_action policy_error',
  429: 'too_many_requests',
  431: 'headers_too_large',
  500: 'internal_error unknown_event',
  503: 'directory_stale identity_provider_unavailable shutting_down overloaded store_not_adopted store_unavailable',
}

const statuses = new Map(
  Object.entries(codesByStatus).flatMap(([status, codes]) =>
    codes
      .trim()
      .split(/\s+/)
      .map((code) => [code, Number(status)] as const),
  ),
)

/** True when the table knows the code. */
export const hasStatus = (code: string): boolean => statuses.has(code)

/** The HTTP status of a refusal code; one that the table does not know is a rule of the domain, 422 (a test keeps the table complete). */
export const statusOf = (code: string): number => statuses.get(code) ?? 422
