import { intentFromCloudTrail } from '../replay/intent-from-cloudtrail.ts'
import { readRecords } from '../replay/read-records.ts'
import type { TrailLine } from './trail-call.ts'

/** The calls of a CloudTrail file, named as `countersign replay` names them. */
export async function* cloudTrailCalls(path: string): AsyncGenerator<TrailLine> {
  for await (const read of readRecords(path)) {
    const place = `${path}:${read.line}`
    if ('quarantined' in read) {
      yield { quarantined: read.quarantined, place }
      continue
    }
    const { record } = read
    const { body } = intentFromCloudTrail(record)
    yield {
      call: {
        at: Date.parse(record.occurredAt),
        principal: body.agent.name,
        action: body.action,
        target: body.target,
        outcome: record.errorCode === undefined ? 'succeeded' : 'failed',
        operation: `${record.service}:${record.operation}`,
        place,
      },
    }
  }
}
