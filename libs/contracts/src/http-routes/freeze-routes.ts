import { EmergencyFreezeBody, FreezeBody, FreezeList, UnfreezeBody } from '../freeze.schema.ts'
import { FreezeView } from '../view.schema.ts'
import type { HttpRoute } from './route.ts'

const ofPerson = ['not_human', 'person_inactive', 'not_allowed'] as const
const ofScope = ['not_found', 'secret_in_field', 'hidden_text'] as const

/** The stop switch: served by intake, which issues and redeems grants. */
export const freezeRoutes: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/v1/freezes',
    operation: 'freeze',
    folder: 'intake/freeze',
    summary:
      'Stop every grant of an agent, producer, action, environment, the tenant or the whole deployment, from the next collect or redeem on.',
    callers: ['operator', 'security-admin'],
    request: FreezeBody,
    answers: [{ status: 201, description: 'Frozen', body: FreezeView }],
    refusals: [...ofPerson, ...ofScope],
  },
  {
    method: 'GET',
    path: '/v1/freezes',
    operation: 'listFreezes',
    folder: 'intake/freeze',
    summary: 'What is frozen now, the whole deployment too.',
    callers: ['operator', 'security-admin', 'auditor'],
    answers: [{ status: 200, description: 'Freezes in force, oldest first', body: FreezeList }],
    refusals: [...ofPerson],
  },
  {
    method: 'POST',
    path: '/v1/emergency-freezes',
    operation: 'freezeInEmergency',
    folder: 'intake/freeze',
    summary:
      'Freeze with the freeze credential as bearer token, without a sign-in. It can freeze and nothing else; asking again answers the same freeze.',
    callers: ['anyone'],
    request: EmergencyFreezeBody,
    answers: [{ status: 201, description: 'Frozen, now or before', body: FreezeView }],
    refusals: ['freeze_credential_invalid', 'too_many_requests', 'store_not_adopted', ...ofScope],
  },
  {
    method: 'POST',
    path: '/v1/freezes/{freezeId}/unfreeze',
    operation: 'unfreezeWithReason',
    folder: 'intake/freeze',
    summary: 'Lift a freeze, and say why.',
    callers: ['operator'],
    request: UnfreezeBody,
    answers: [{ status: 200, description: 'Lifted, now or before', body: FreezeView }],
    refusals: [...ofPerson, 'not_found', 'secret_in_field', 'hidden_text'],
  },
  {
    method: 'DELETE',
    path: '/v1/freezes/{freezeId}',
    operation: 'unfreeze',
    folder: 'intake/freeze',
    summary: 'Lift a freeze.',
    callers: ['operator'],
    answers: [{ status: 204, description: 'Lifted, now or before' }],
    refusals: [...ofPerson, 'not_found'],
  },
]
