import { Type } from 'typebox'
import { AgentName, ProducerName } from '../primitives.ts'
import {
  AgentList,
  ChangedEntry,
  ProducerList,
  RegisterOwnedAgentBody,
  RegisterProducerBody,
  RemoveEntryBody,
  ReviewedEntry,
  ReviewEntryBody,
} from '../register-entry.schema.ts'
import type { HttpRoute, RouteCaller } from './route.ts'

/** Codes of every route for people who hold a role. */
export const ofOperator = ['not_human', 'person_inactive', 'not_allowed'] as const
/** Who may read registers and directory. */
export const readers: readonly RouteCaller[] = ['operator', 'security-admin', 'auditor']
/** Entries of a page. */
export const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 }))

const ofText = ['hidden_text', 'secret_in_field'] as const
const reviewers: readonly RouteCaller[] = ['operator', 'security-admin']
const removed = Type.Optional(Type.Boolean({ default: false, description: 'Those that were removed, too' }))
const folder = 'intake/keep-registers'
const changed = [{ status: 200, description: 'Changed, now or before', body: ChangedEntry }]
const reviewed = [{ status: 200, description: 'What was reviewed, and what the caller may not', body: ReviewedEntry }]

/** Agents and producers, for those who operate and audit: served by intake. */
export const registerRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/v1/agents',
    operation: 'listAgents',
    folder,
    summary: 'Agents of the tenant by name, with owner, client, executor key and unreviewed changes.',
    callers: readers,
    query: Type.Object({
      name: Type.Optional(AgentName),
      producer: Type.Optional(ProducerName),
      removed,
      after: Type.Optional(AgentName),
      limit,
    }),
    answers: [{ status: 200, description: 'A page of agents', body: AgentList }],
    refusals: [...ofOperator],
  },
  {
    method: 'POST',
    path: '/v1/agents/register',
    operation: 'registerOwnedAgent',
    folder,
    summary: 'Register an agent with its owner, or change its owner, client or executor key. Recorded with the reason.',
    callers: ['operator'],
    request: RegisterOwnedAgentBody,
    answers: changed,
    refusals: [...ofOperator, 'unknown_producer', 'unknown_owner', 'client_taken', 'client_of_people', ...ofText],
  },
  {
    method: 'POST',
    path: '/v1/agents/remove',
    operation: 'removeAgent',
    folder,
    summary: 'Take an agent out of the register: it publishes, collects and redeems nothing from then on.',
    callers: ['operator'],
    request: RemoveEntryBody,
    answers: changed,
    refusals: [...ofOperator, 'not_found', ...ofText],
  },
  {
    method: 'POST',
    path: '/v1/agents/review',
    operation: 'reviewAgent',
    folder,
    summary: 'Say that somebody else’s changes of an agent are as they should be. Recorded.',
    callers: reviewers,
    request: ReviewEntryBody,
    answers: reviewed,
    refusals: [...ofOperator, 'not_found', 'own_change', ...ofText],
  },
  {
    method: 'GET',
    path: '/v1/producers',
    operation: 'listProducers',
    folder,
    summary: 'Producers of the tenant by name, with client, owner and unreviewed changes.',
    callers: readers,
    query: Type.Object({
      name: Type.Optional(ProducerName),
      removed,
      after: Type.Optional(ProducerName),
      limit,
    }),
    answers: [{ status: 200, description: 'A page of producers', body: ProducerList }],
    refusals: [...ofOperator],
  },
  {
    method: 'POST',
    path: '/v1/producers/register',
    operation: 'registerProducer',
    folder,
    summary: 'Register a producer with its client and owner, or change them. Recorded with the reason.',
    callers: ['operator'],
    request: RegisterProducerBody,
    answers: changed,
    refusals: [...ofOperator, 'unknown_owner', 'client_taken', 'client_of_people', ...ofText],
  },
  {
    method: 'POST',
    path: '/v1/producers/remove',
    operation: 'removeProducer',
    folder,
    summary: 'Take a producer out of the register: nothing is taken from it or its agents from then on.',
    callers: ['operator'],
    request: RemoveEntryBody,
    answers: changed,
    refusals: [...ofOperator, 'not_found', ...ofText],
  },
  {
    method: 'POST',
    path: '/v1/producers/review',
    operation: 'reviewProducer',
    folder,
    summary: 'Say that somebody else’s changes of a producer are as they should be. Recorded.',
    callers: reviewers,
    request: ReviewEntryBody,
    answers: reviewed,
    refusals: [...ofOperator, 'not_found', 'own_change', ...ofText],
  },
]
