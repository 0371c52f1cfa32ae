import { AdoptStoreBody, ContinueLogBody } from '../message.schema.ts'
import { AdoptedStoreView, ContinuedLogView, StoreView } from '../view.schema.ts'
import type { HttpRoute } from './route.ts'

const ofOperator = ['not_human', 'person_inactive', 'not_allowed'] as const

/** What operators of the deployment call when the database was restored or replaced: served by intake. */
export const storeRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/v1/store',
    operation: 'readStore',
    folder: 'intake/adopt-store',
    summary: 'How the store stands beside the mark of what was published from it.',
    callers: ['operator'],
    answers: [{ status: 200, description: 'What was found', body: StoreView }],
    refusals: [...ofOperator],
  },
  {
    method: 'POST',
    path: '/v1/store/adopt',
    operation: 'adoptStore',
    folder: 'intake/adopt-store',
    summary: 'Go on with a store that was restored or replaced. Every grant from before ends.',
    callers: ['operator'],
    request: AdoptStoreBody,
    answers: [{ status: 200, description: 'Adopted, in a new incarnation', body: AdoptedStoreView }],
    refusals: [...ofOperator, 'secret_in_field', 'hidden_text', 'store_in_order'],
  },
  {
    method: 'POST',
    path: '/v1/store/logs/{log}/continue',
    operation: 'continueLog',
    folder: 'intake/continue-log',
    summary: 'Let a log that lost entries with a restored database go on under a new origin.',
    callers: ['operator'],
    request: ContinueLogBody,
    answers: [{ status: 200, description: 'Recorded; the ledger signs under the new origin', body: ContinuedLogView }],
    refusals: [...ofOperator, 'secret_in_field', 'hidden_text', 'log_in_order', 'log_damaged', 'log_not_adopted'],
  },
]
