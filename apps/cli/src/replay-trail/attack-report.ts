import type { Effect } from '@countersign/contracts'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import type { AttackStep } from '../replay/stratus-steps.ts'

/** One recorded call and what policy said to it. */
export type DecidedCall = {
  readonly record: CloudTrailRecord
  readonly effect: Effect
  readonly rules: readonly string[]
}

/** How one step of the attack fared. */
export type StepReport = {
  readonly technique: string
  readonly call: string
  readonly calls: number
  readonly effects: readonly Effect[]
  readonly rules: readonly string[]
  /** Every call of the step was found and none was allowed. */
  readonly stopped: boolean
}

const byAttacker = ({ record }: DecidedCall): boolean => /^\[?stratus-red-team_/.test(record.userAgent ?? '')

const isOf =
  ({ call, where }: AttackStep) =>
  ({ record }: DecidedCall): boolean =>
    `${record.service}:${record.operation}` === call && (where === undefined || where(JSON.stringify(record.request)))

/** Finds the steps of the recorded exercise among the calls of its tool and says how each was stopped. */
export const attackReport = (steps: readonly AttackStep[], calls: readonly DecidedCall[]): StepReport[] => {
  const attack = calls.filter(byAttacker)
  return steps.map((step) => {
    const found = attack.filter(isOf(step))
    return {
      technique: step.technique,
      call: step.call,
      calls: found.length,
      effects: [...new Set(found.map(({ effect }) => effect))].sort(),
      rules: [...new Set(found.flatMap(({ rules }) => rules))].sort(),
      stopped: found.length === step.records && found.every(({ effect }) => effect !== 'allow'),
    }
  })
}
