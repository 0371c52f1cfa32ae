export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group'

/** Most resources of one answer. */
export const largestPage = 100

export type ScimResource = Readonly<Record<string, unknown>>

export type Listing = {
  readonly total: number
  readonly startIndex: number
  readonly resources: readonly ScimResource[]
}

/** A list answer (RFC 7644 §3.4.2). */
export const listBody = ({ total, startIndex, resources }: Listing) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: total,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
})

export type UserRow = {
  readonly person: string
  readonly user_name: string
  readonly external_id: string | null
  readonly display_name: string
  readonly email: string | null
  readonly active: boolean
  readonly changed_at: Date
}

export const userBody = (row: UserRow, baseUrl: string): ScimResource => ({
  schemas: [userSchema],
  id: row.person,
  userName: row.user_name,
  ...(row.external_id === null ? {} : { externalId: row.external_id }),
  displayName: row.display_name,
  name: { formatted: row.display_name },
  ...(row.email === null ? {} : { emails: [{ value: row.email, type: 'work', primary: true }] }),
  active: row.active,
  meta: {
    resourceType: 'User',
    lastModified: row.changed_at.toISOString(),
    location: `${baseUrl}/scim/v2/Users/${row.person}`,
  },
})

export type GroupRow = {
  readonly group_id: string
  readonly name: string
  readonly display_name: string
  readonly external_id: string | null
  readonly changed_at: Date
}

/** `members` absent: they were not asked for. */
export const groupBody = (row: GroupRow, baseUrl: string, members?: readonly string[]): ScimResource => ({
  schemas: [groupSchema],
  id: row.group_id,
  displayName: row.display_name,
  ...(row.external_id === null ? {} : { externalId: row.external_id }),
  ...(members === undefined
    ? {}
    : { members: members.map((value) => ({ value, type: 'User', $ref: `${baseUrl}/scim/v2/Users/${value}` })) }),
  meta: {
    resourceType: 'Group',
    lastModified: row.changed_at.toISOString(),
    location: `${baseUrl}/scim/v2/Groups/${row.group_id}`,
  },
})

const text = (name: string, more: object = {}) => ({
  name,
  type: 'string',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...more,
})

const schemas = [
  {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: userSchema,
    name: 'User',
    description: 'A person of the directory; other attributes are not kept',
    attributes: [
      text('userName', { required: true, uniqueness: 'server' }),
      text('externalId', { caseExact: true, mutability: 'immutable' }),
      text('displayName'),
      text('emails', {
        type: 'complex',
        multiValued: true,
        subAttributes: [text('value'), text('type'), text('primary', { type: 'boolean' })],
      }),
      text('active', { type: 'boolean' }),
    ],
  },
  {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: groupSchema,
    name: 'Group',
    description: 'People who may hold seats',
    attributes: [
      text('displayName', { required: true, mutability: 'immutable', uniqueness: 'server' }),
      text('externalId', { caseExact: true }),
      text('members', {
        type: 'complex',
        multiValued: true,
        subAttributes: [text('value', { mutability: 'immutable' })],
      }),
    ],
  },
]

const resourceTypes = [
  ['User', 'Users', userSchema],
  ['Group', 'Groups', groupSchema],
].map(([name = '', endpoint, schema]) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
  id: name,
  name,
  endpoint: `/${endpoint}`,
  schema,
}))

const supported = (isSupported: boolean) => ({ supported: isSupported })

/** What can be asked about this server (RFC 7643 §5 to §7). */
export const discovery = {
  config: {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: supported(true),
    bulk: { ...supported(false), maxOperations: 0, maxPayloadSize: 0 },
    filter: { ...supported(true), maxResults: largestPage },
    changePassword: supported(false),
    sort: supported(false),
    etag: supported(false),
    authenticationSchemes: [
      { type: 'oauthbearertoken', name: 'Bearer token', description: 'The credential that connect-scim printed once' },
    ],
  },
  resourceTypes: listBody({ total: resourceTypes.length, startIndex: 1, resources: resourceTypes }),
  schemas: listBody({ total: schemas.length, startIndex: 1, resources: schemas }),
} as const
