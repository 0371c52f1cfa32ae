import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import type { BaseRpcContext, MessageHandler } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'

/** What a handler answered for a batch; Nest gives a failure back as an observable that fails. */
export const answerOf = async (
  handler: MessageHandler,
  batch: DeliveredBatch,
  context: BaseRpcContext,
): Promise<BatchOutcome> => {
  const answer: unknown = await handler(batch, context)
  return (isObservable(answer) ? await lastValueFrom(answer) : answer) as BatchOutcome
}
