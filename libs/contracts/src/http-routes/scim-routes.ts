import { Type } from 'typebox'
import type { HttpRoute } from './route.ts'

const contentType = 'application/scim+json'
const folder = 'notifier/take-scim'
const query = Type.Object({
  filter: Type.Optional(
    Type.String({ maxLength: 1_000, description: 'One equality: userName, externalId, displayName or id' }),
  ),
  startIndex: Type.Optional(Type.Integer()),
  count: Type.Optional(Type.Integer()),
  attributes: Type.Optional(Type.String({ maxLength: 1_000 })),
  excludedAttributes: Type.Optional(Type.String({ maxLength: 1_000 })),
})
const { attributes, excludedAttributes } = query.properties
const one = Type.Object({ attributes, excludedAttributes })

const route = (
  method: HttpRoute['method'],
  path: string,
  operation: string,
  summary: string,
  more: Partial<Pick<HttpRoute, 'query' | 'requestContentType'>> = {},
): HttpRoute => ({
  method,
  path: `/scim/v2/${path}`,
  operation,
  folder,
  summary,
  callers: ['directory'],
  ...more,
  answers: [
    method === 'DELETE'
      ? { status: 204, description: 'Done' }
      : { status: method === 'POST' ? 201 : 200, description: 'A SCIM resource, list or error', contentType },
  ],
  refusals: [],
})
const push = { requestContentType: contentType } as const

/** SCIM 2.0 (RFC 7644) for the directory of a tenant: served by notifier. Errors are SCIM's. */
export const scimRoutes: readonly HttpRoute[] = [
  route('GET', 'ServiceProviderConfig', 'readScimConfig', 'What this SCIM server can do.'),
  route('GET', 'ResourceTypes', 'listScimResourceTypes', 'Users and groups.'),
  route('GET', 'Schemas', 'listScimSchemas', 'Attributes that are kept.'),
  route('GET', 'Users', 'listScimUsers', 'People that the directory pushed.', { query }),
  route('POST', 'Users', 'createScimUser', 'Register a person.', push),
  route('GET', 'Users/{id}', 'readScimUser', 'One person.', { query: one }),
  route('PUT', 'Users/{id}', 'replaceScimUser', 'Replace what is kept of a person.', push),
  route('PATCH', 'Users/{id}', 'patchScimUser', 'Change what is kept of a person, or whether they are active.', push),
  route('DELETE', 'Users/{id}', 'removeScimUser', 'Deactivate a person and end every membership.'),
  route('GET', 'Groups', 'listScimGroups', 'Groups that the directory pushed.', { query }),
  route('POST', 'Groups', 'createScimGroup', 'Make a group with its members, or take over one of that name.', push),
  route('GET', 'Groups/{id}', 'readScimGroup', 'One group.', { query: one }),
  route('PUT', 'Groups/{id}', 'replaceScimGroup', 'Replace the members of a group.', push),
  route('PATCH', 'Groups/{id}', 'patchScimGroup', 'Add and remove members.', push),
  route('DELETE', 'Groups/{id}', 'removeScimGroup', 'Take everybody out of a group and forget it.'),
]
