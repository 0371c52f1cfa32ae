import { Type } from 'typebox'
import { BrokerRefusals, RecordedBrokerRefusals } from '../broker.schema.ts'
import { Code, Uuid } from '../primitives.ts'
import {
  ParkedKeyList,
  QuarantinedContent,
  QuarantinedRecord,
  QuarantineList,
  RedriveParkedBody,
  RedriveQuarantineBody,
  RedrivenParked,
  RedrivenQuarantine,
} from '../quarantine.schema.ts'
import type { HttpRoute } from './route.ts'

const ofOperator = ['not_human', 'person_inactive', 'not_allowed'] as const

/** What operators call about records that were not taken: served by intake. */
export const quarantineRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/v1/quarantine',
    operation: 'listQuarantined',
    folder: 'intake/quarantine-record',
    summary: 'Records of the tenant’s producers in quarantine, oldest first; without their content.',
    callers: ['operator', 'security-admin'],
    query: Type.Object({
      reason: Type.Optional(Code),
      topic: Type.Optional(Type.String({ maxLength: 249 })),
      state: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('all')], { default: 'open' })),
      after: Type.Optional(Uuid),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
    }),
    answers: [{ status: 200, description: 'A page of records', body: QuarantineList }],
    refusals: [...ofOperator],
  },
  {
    method: 'GET',
    path: '/v1/quarantine/{quarantineId}',
    operation: 'readQuarantined',
    folder: 'intake/quarantine-record',
    summary: 'Coordinates, hash and reason of one record.',
    callers: ['operator', 'security-admin'],
    answers: [{ status: 200, description: 'The record, without its content', body: QuarantinedRecord }],
    refusals: [...ofOperator, 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/quarantine/{quarantineId}/content',
    operation: 'openQuarantined',
    folder: 'intake/quarantine-record',
    summary: 'The sealed content of a record. Whoever reads it is recorded; operators work without it.',
    callers: ['security-admin'],
    answers: [{ status: 200, description: 'Key, content type and bytes', body: QuarantinedContent }],
    // Who reads it is recorded before they see it.
    refusals: [...ofOperator, 'not_found', 'store_not_adopted'],
  },
  {
    method: 'POST',
    path: '/v1/quarantine/redrive',
    operation: 'redriveQuarantined',
    folder: 'intake/redrive-quarantined',
    summary: 'Take open records as if they came now, at most 100 a call. Who did it and what came of it is recorded.',
    callers: ['operator'],
    request: RedriveQuarantineBody,
    answers: [{ status: 200, description: 'What became of each', body: RedrivenQuarantine }],
    refusals: [...ofOperator],
  },
  {
    method: 'GET',
    path: '/v1/parked',
    operation: 'listParked',
    folder: 'intake/redrive-parked',
    summary: 'Intents of the tenant whose events a service has parked.',
    callers: ['operator'],
    answers: [{ status: 200, description: 'Parked keys, oldest first in each group', body: ParkedKeyList }],
    refusals: [...ofOperator],
  },
  {
    method: 'POST',
    path: '/v1/parked/redrive',
    operation: 'redriveParked',
    folder: 'intake/redrive-parked',
    summary: 'Let a service deliver the parked events of an intent again. Recorded.',
    callers: ['operator'],
    request: RedriveParkedBody,
    answers: [{ status: 200, description: 'How many records will be delivered again', body: RedrivenParked }],
    refusals: [...ofOperator, 'not_found'],
  },
  {
    method: 'POST',
    path: '/v1/broker-refusals',
    operation: 'recordBrokerRefusals',
    folder: 'intake/record-broker-refusals',
    summary: 'Record what the broker refused to principals, as its authorizer’s log tells it; each attempt once.',
    callers: ['operator'],
    request: BrokerRefusals,
    answers: [{ status: 200, description: 'What was recorded, kind by kind', body: RecordedBrokerRefusals }],
    refusals: [...ofOperator, 'secret_in_field', 'hidden_text', 'time_invalid'],
  },
]
