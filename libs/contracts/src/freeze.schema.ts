import { Type } from 'typebox'
import { closed, Identifier, IsoTime, Uuid } from './primitives.ts'
import { FreezeScope } from './register.schema.ts'

const reason = { reason: Type.Optional({ ...Identifier, description: 'Why; it is recorded' }) } as const

/** Body of `POST /v1/freezes`. */
export const FreezeBody = closed({ scope: FreezeScope, ...reason })
export type FreezeBody = Type.Static<typeof FreezeBody>

/** Body of `POST /v1/freezes/{id}/unfreeze`. */
export const UnfreezeBody = closed({ ...reason }, 'Why what was frozen may go on')
export type UnfreezeBody = Type.Static<typeof UnfreezeBody>

/** Body of `POST /v1/emergency-freezes`. */
export const EmergencyFreezeBody = closed({
  scope: FreezeScope,
  tenantId: Type.Optional({ ...Uuid, description: 'Whose; default: the tenant that runs the deployment' }),
  ...reason,
})
export type EmergencyFreezeBody = Type.Static<typeof EmergencyFreezeBody>

/** Answer of `GET /v1/freezes`: what is frozen now. */
export const FreezeList = closed({
  freezes: Type.Array(closed({ freezeId: Uuid, scope: FreezeScope, frozenBy: Uuid, frozenAt: IsoTime, ...reason })),
})
export type FreezeList = Type.Static<typeof FreezeList>
