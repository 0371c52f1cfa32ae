/** Detail keywords of RFC 7644 §3.12 that are said here. */
export type ScimType = 'invalidFilter' | 'uniqueness' | 'mutability' | 'invalidSyntax' | 'invalidPath' | 'invalidValue'

/** A no in the words of SCIM. `detail` is text of ours and never quotes what was sent. */
export class ScimError extends Error {
  readonly status: number
  readonly scimType: ScimType | undefined

  constructor(status: number, detail: string, scimType?: ScimType) {
    super(detail)
    this.name = 'ScimError'
    this.status = status
    this.scimType = scimType
  }
}

export const notFound = (): ScimError => new ScimError(404, 'There is no such resource.')
export const invalidValue = (detail: string): ScimError => new ScimError(400, detail, 'invalidValue')

/** Body of a SCIM error (RFC 7644 §3.12). */
export const errorBody = ({ status, message, scimType }: ScimError) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  status: String(status),
  detail: message,
  ...(scimType === undefined ? {} : { scimType }),
})
