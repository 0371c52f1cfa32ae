import { StoreNotAdopted } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import { type BearerVerifier, type EdgeRefusal, identityOf, type Log, Refused } from '@countersign/service-kit'
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common'
import type pg from 'pg'
import { catchError, type Observable } from 'rxjs'
import { accountableCaller } from '../caller.ts'
import { commandOf } from './command-of.ts'
import type { RecordRefusal } from './record-refusal.handler.ts'
import { isRecorded } from './refused-attempts.ts'
import { isShed, type ShedRequests } from './shed-requests.ts'

type Asked = { readonly method: string; readonly path: string; readonly identity: Identity }

export type RecordRefusalsOptions = {
  readonly pool: pg.Pool
  readonly verifier: BearerVerifier<Identity>
  readonly record: RecordRefusal
  readonly shed: ShedRequests
  readonly log: Log
}

/**
 * Sees to it that no refused command goes unrecorded, whatever refused it: the edge, the check of a body, an id that does
 * not exist, a right that is missing. What a command recorded in its own transaction is left alone. Strangers, whose token
 * is in no register, have no tenant to record for; the edge's metrics count them.
 */
export class RecordRefusals implements NestInterceptor {
  readonly #options: RecordRefusalsOptions

  constructor(options: RecordRefusalsOptions) {
    this.#options = options
  }

  /** Around every controller, its pipes included. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error: unknown) => this.#rethrow(context, error)))
  }

  /** For refusals of the HTTP edge: it knows no identity yet. Throws when the refusal cannot be recorded. */
  async ofEdge({ method, path, authorization, code, pointer }: EdgeRefusal): Promise<void> {
    if (authorization === undefined || commandOf(method, path) === undefined) return
    const bearer = /^Bearer +(\S{1,8192})$/i.exec(authorization)?.[1]
    const verified = bearer === undefined ? undefined : await this.#options.verifier.verify(bearer)
    if (verified?.ok === true) await this.#record({ method, path, identity: verified.identity }, { code, pointer })
  }

  async #rethrow(context: ExecutionContext, error: unknown): Promise<never> {
    if (!(error instanceof Refused) || isRecorded(error.source)) throw error
    const request = context.switchToHttp().getRequest<{ method: string; url: string }>()
    const path = request.url.split('?', 1)[0] ?? ''
    if (commandOf(request.method, path) === undefined) throw error
    try {
      await this.#record({ method: request.method, path, identity: identityOf(request) }, error.source)
    } catch (failure) {
      if (failure instanceof StoreNotAdopted) throw failure
      this.#options.log.warn({ err: failure, code: error.source.code }, 'a refusal could not be recorded')
      // An attempt that is answered is recorded, so what cannot be recorded is not answered yet.
      throw new Refused({ code: 'overloaded', headers: { 'retry-after': '5' } })
    }
    throw error
  }

  async #record(
    { method, path, identity }: Asked,
    { code, pointer }: { readonly code: string; readonly pointer?: string | undefined },
  ): Promise<void> {
    const command = commandOf(method, path)
    const caller = await accountableCaller(this.#options.pool, identity)
    if (command === undefined || caller === undefined) return
    if (isShed(code)) this.#options.shed.count(caller, { command, code })
    else await this.#options.record.handle(caller, { command, code, pointer })
  }
}
