import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Digest, SafeInteger, Subjects, Uuid } from './primitives.ts'

const executionOf = { intentId: Uuid, grantId: Uuid, executionId: Uuid } as const
const result = {
  exitCode: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
  rows: Type.Optional(SafeInteger),
  bytes: Type.Optional(SafeInteger),
  resultDigest: Type.Optional(Digest),
} as const

export const ExecutionStarted = event({
  name: 'ExecutionStarted',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/report-execution',
  consumers: ['notifier/present-review'],
  data: closed({ ...executionOf }),
})

export const ExecutionSucceeded = event({
  name: 'ExecutionSucceeded',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/report-execution',
  consumers: ['notifier/present-review'],
  data: closed({ ...executionOf, ...result }),
})

export const ExecutionFailed = event({
  name: 'ExecutionFailed',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/report-execution',
  consumers: ['notifier/present-review'],
  data: closed({ ...executionOf, ...result, code: Code }),
})

export const ExecutionUnknown = event({
  name: 'ExecutionUnknown',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/report-execution',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, grantId: Uuid, code: Code }),
})

export const ExecutionReconciled = event({
  name: 'ExecutionReconciled',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/reconcile-execution',
  consumers: ['notifier/present-review'],
  data: closed({
    intentId: Uuid,
    grantId: Uuid,
    outcome: Type.Union([Type.Literal('succeeded'), Type.Literal('failed')]),
    by: Uuid,
    subjects: Subjects,
  }),
})
