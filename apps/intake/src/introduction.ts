import type { SubjectIntroduction } from '@countersign/contracts'
import type { Subject } from '@countersign/event-store'

/**
 * What the event that first uses subject ids says about them; nothing where all are known already. `writeSubjects` has to
 * store the same subjects in the transaction of the event.
 */
export const introductionOf = (
  subjects: readonly (Subject | undefined)[],
): { readonly subjects?: SubjectIntroduction[] } => {
  const fresh = subjects.flatMap((one) =>
    one?.isNew === true ? [{ subjectId: one.subjectId, commitment: one.commitment }] : [],
  )
  return fresh.length === 0 ? {} : { subjects: fresh }
}
