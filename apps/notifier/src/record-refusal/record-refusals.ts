import { personOf, StoreNotAdopted } from '@countersign/event-store'
import { type Identity, isHuman } from '@countersign/identity'
import { type BearerVerifier, type EdgeRefusal, identityOf, type Log, Refused } from '@countersign/service-kit'
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common'
import type { IncomingHttpHeaders } from 'node:http'
import type pg from 'pg'
import { catchError, type Observable } from 'rxjs'
import { sessionOf } from '../sign-in/sign-in.ts'
import { findReview } from '../present-review/tracked-review.ts'
import { askedCommand, type AskedCommand } from './asked-command.ts'
import type { RecordRefusal, RefusedRequest } from './record-refusal.handler.ts'
import { isRecorded } from './recorded-refusals.ts'

export type RecordRefusalsOptions = {
  readonly pool: pg.Pool
  readonly verifier: BearerVerifier<Identity>
  readonly record: RecordRefusal
  readonly log: Log
}

/** On whose account a refusal is counted, and who tried. */
type Accountable = Pick<RefusedRequest, 'tenantId' | 'accountable' | 'person'>

/**
 * Sees to it that no refused verdict or change of a register by a known person goes unrecorded, whatever refused it: the
 * edge, the check of a body, a review that does not exist, a right that is missing. What was recorded in the transaction of
 * its verdict is left alone. A form that no page of ours sent counts for whoever is signed in there. Strangers have no tenant to
 * record for; the edge's metrics count them.
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

  /** For refusals of the HTTP edge: it knows no identity yet, and no body. Throws when the refusal cannot be recorded. */
  async ofEdge({ method, path, authorization, code }: EdgeRefusal): Promise<void> {
    const command = askedCommand(method, path)
    if (authorization === undefined || command === undefined) return
    const bearer = /^Bearer +(\S{1,8192})$/i.exec(authorization)?.[1]
    const verified = bearer === undefined ? undefined : await this.#options.verifier.verify(bearer)
    if (verified?.ok === true) await this.#record(command, await this.#known(verified.identity), code)
  }

  async #rethrow(context: ExecutionContext, error: unknown): Promise<never> {
    if (!(error instanceof Refused) || isRecorded(error.source)) throw error
    const request = context.switchToHttp().getRequest<Asking>()
    const command = askedCommand(request.method, request.url, request.body)
    if (command === undefined) throw error
    const { code } = error.source
    try {
      const who = command.byForm ? await this.#signedIn(request) : await this.#known(identityOf(request))
      await this.#record(command, who, code)
    } catch (failure) {
      if (failure instanceof StoreNotAdopted) throw failure
      this.#options.log.warn({ err: failure, code }, 'a refusal could not be recorded')
      // An attempt that is answered is recorded, so what cannot be recorded is not answered yet.
      throw new Refused({ code: 'overloaded', headers: { 'retry-after': '5' } })
    }
    throw error
  }

  async #known(identity: Identity): Promise<Accountable | undefined> {
    const known = identity.kind === 'person' ? await personOf(this.#options.pool, identity) : undefined
    if (known === undefined) return undefined
    const { tenantId, subjectId } = known
    return { tenantId, accountable: subjectId, person: isHuman(identity) ? subjectId : null }
  }

  /** Their browser sent it; whether they wanted to nobody can say. */
  async #signedIn({ headers }: Asking): Promise<Accountable | undefined> {
    const session = await sessionOf(this.#options.pool, headers)
    return session && { tenantId: session.tenantId, accountable: session.person, person: session.person }
  }

  async #record({ reviewId, verdict }: AskedCommand, who: Accountable | undefined, code: string): Promise<void> {
    if (who === undefined) return
    const found = reviewId === undefined ? undefined : await findReview(this.#options.pool, reviewId)
    // A review of another tenant does not exist for this person, nor for what is recorded of them.
    const review = found?.tenantId === who.tenantId ? { reviewId: found.reviewId, intentId: found.intentId } : undefined
    await this.#options.record.handle({ ...who, review, verdict, code })
  }
}

type Asking = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body?: unknown
}
