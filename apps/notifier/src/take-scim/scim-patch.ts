import { invalidValue, ScimError } from './scim-error.ts'
import { memberIn } from './scim-filter.ts'

/** What is kept of a user that somebody sends; absent members were not said. */
export type UserAttributes = {
  readonly userName?: string
  readonly externalId?: string
  readonly displayName?: string
  readonly email?: string
  readonly active?: boolean
}

/** What is kept of a group. `members` replaces, `add` and `remove` change. */
export type GroupAttributes = {
  readonly displayName?: string
  readonly externalId?: string
  readonly members?: readonly string[]
}
export type GroupChange = GroupAttributes & { readonly add: readonly string[]; readonly remove: readonly string[] }

type Bag = Readonly<Record<string, unknown>>
type Operation = { readonly op: 'add' | 'replace' | 'remove'; readonly path?: string; readonly value?: unknown }

const isBag = (value: unknown): value is Bag => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Schemas whose name may stand before that of their attribute (RFC 7644 §3.10). */
const coreSchema = /^urn:ietf:params:scim:schemas:core:2\.0:(user|group):/

/** An attribute's name as it is compared: without regard to case (RFC 7643 §2.1), and without its schema. */
const plainName = (name: string): string => name.trim().toLowerCase().replace(coreSchema, '')

/** A member by its name. Two that are one name would be read otherwise by somebody else, so neither counts. */
const memberOf = (bag: Bag, name: string): unknown => {
  const [said, another] = Object.entries(bag).filter(([key]) => plainName(key) === name.toLowerCase())
  if (another !== undefined) throw new ScimError(400, 'An attribute is there twice.', 'invalidSyntax')
  return said?.[1]
}

const textOf = (value: unknown, name: string, longest = 255): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '' && value.length <= longest) return value
  throw invalidValue(`${name} is a text of at most ${longest} characters.`)
}

/** `active` as a boolean; Microsoft Entra sends it as text, `"True"` and `"False"`. */
const activeOf = (value: unknown): boolean | undefined => {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  if (text === 'true' || text === 'false') return text === 'true'
  throw invalidValue('active is true or false.')
}

/** The address that is marked as primary, else the first. */
const emailOf = (value: unknown): string | undefined => {
  const all = Array.isArray(value) ? value.filter(isBag) : []
  const chosen = all.find((one) => memberOf(one, 'primary') === true) ?? all[0]
  return chosen === undefined ? undefined : textOf(memberOf(chosen, 'value'), 'emails.value', 128)
}

const nameOf = (bag: Bag): string | undefined => {
  const name = memberOf(bag, 'name')
  if (!isBag(name)) return undefined
  const formatted = textOf(memberOf(name, 'formatted'), 'name.formatted', 128)
  const parts = [memberOf(name, 'givenName'), memberOf(name, 'familyName')].filter((part) => typeof part === 'string')
  return formatted ?? (parts.length === 0 ? undefined : parts.join(' ').slice(0, 128))
}

const withoutAbsent = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T

/** What is kept of a whole user resource. Attributes that are not kept are left out, as RFC 7643 §2.2 allows. */
export const readUser = (resource: Bag): UserAttributes =>
  withoutAbsent({
    userName: textOf(memberOf(resource, 'userName'), 'userName'),
    externalId: textOf(memberOf(resource, 'externalId'), 'externalId'),
    displayName: textOf(memberOf(resource, 'displayName'), 'displayName', 128) ?? nameOf(resource),
    email: emailOf(memberOf(resource, 'emails')),
    active: activeOf(memberOf(resource, 'active')),
  }) as UserAttributes

/** Ids of members as they are sent: one object or a list of them. */
const membersOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).map((member) => {
    const id = isBag(member) ? memberOf(member, 'value') : undefined
    if (typeof id === 'string') return id.toLowerCase()
    throw invalidValue('Each member has a value.')
  })

/** What is kept of a whole group resource. */
export const readGroup = (resource: Bag): GroupAttributes => {
  const members = memberOf(resource, 'members')
  return withoutAbsent({
    displayName: textOf(memberOf(resource, 'displayName'), 'displayName', 128),
    externalId: textOf(memberOf(resource, 'externalId'), 'externalId'),
    members: members === undefined || members === null ? undefined : membersOf(members),
  }) as GroupAttributes
}

const operationsIn = (body: Bag): Operation[] => {
  const operations = memberOf(body, 'Operations')
  if (!Array.isArray(operations) || operations.length === 0)
    throw new ScimError(400, 'Operations is a list of at least one operation.', 'invalidSyntax')
  return operations.map((operation: unknown) => {
    const [said, path, value] = isBag(operation)
      ? [memberOf(operation, 'op'), memberOf(operation, 'path'), memberOf(operation, 'value')]
      : []
    const op = typeof said === 'string' ? said.toLowerCase() : ''
    if (op !== 'add' && op !== 'replace' && op !== 'remove')
      throw new ScimError(400, 'op is add, replace or remove.', 'invalidSyntax')
    if (path !== undefined && typeof path !== 'string') throw new ScimError(400, 'path is a text.', 'invalidPath')
    return { op, ...(path === undefined ? {} : { path }), value }
  })
}

const pathForm = /^([a-z$_][\w$-]*)(\[.*\])?(?:\.([a-z$_][\w$-]*))?$/
const wholes: readonly string[] = ['username', 'externalid', 'displayname', 'active', 'members']

type Path = { readonly attribute: string; readonly sub: string | undefined }

/**
 * The attribute that a path names; undefined when it is one of another schema, of which nothing is kept. What is kept and
 * cannot be read is refused: passed over, a deactivation would be answered as done.
 */
const pathIn = (path: string): Path | undefined => {
  const name = plainName(path)
  if (name.startsWith('urn:')) return undefined
  const [, attribute = '', filter, sub] = pathForm.exec(name) ?? []
  if (attribute === '' || (wholes.includes(attribute) && (filter ?? sub) !== undefined))
    throw new ScimError(400, 'The path is not one that can be read here.', 'invalidPath')
  return { attribute, sub }
}

/** A path and its value as the part of a resource that it is about. */
const atPath = (path: string, value: unknown): Bag => {
  const named = pathIn(path)
  if (named === undefined) return {}
  const { attribute, sub } = named
  if (attribute === 'emails') return { emails: typeof value === 'string' ? [{ value, primary: true }] : value }
  if (attribute === 'name' && sub !== undefined) return { name: { [sub]: value } }
  return { [attribute]: value }
}

/** Microsoft Entra sends attributes of attributes with a dot in their name. */
const unfolded = (value: unknown): Bag => {
  if (!isBag(value)) throw invalidValue('An operation without a path has an object as its value.')
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, said]) => (name.includes('.') ? atPath(name, said) : { [name]: said })),
  ) as Bag
}

/**
 * What a PATCH says about a user (RFC 7644 §3.5.2), the later operation above the earlier. What is not kept here is passed
 * over. `userName` and `active` cannot be removed.
 */
export const patchedUser = (body: Bag): UserAttributes & { readonly removed: readonly string[] } => {
  let said: UserAttributes = {}
  const removed: string[] = []
  for (const { op, path, value } of operationsIn(body)) {
    if (op !== 'remove') {
      said = { ...said, ...readUser(path === undefined ? unfolded(value) : atPath(path, value)) }
      continue
    }
    if (path === undefined) throw new ScimError(400, 'remove needs a path.', 'invalidPath')
    const name = pathIn(path)?.attribute ?? ''
    if (name === 'username' || name === 'active' || name === 'externalid')
      throw new ScimError(400, 'userName, externalId and active are not removed.', 'mutability')
    removed.push(name)
  }
  return { ...said, removed }
}

/** What a PATCH says about a group. Operations on members are done in their order. */
export const patchedGroup = (body: Bag): GroupChange => {
  let said: GroupAttributes = {}
  const add = new Set<string>()
  const remove = new Set<string>()
  const put = (members: readonly string[]): void => {
    for (const member of members) {
      add.add(member)
      remove.delete(member)
    }
  }
  const take = (members: readonly string[]): void => {
    for (const member of members) {
      remove.add(member)
      add.delete(member)
    }
  }
  const replace = (members: readonly string[]): void => {
    add.clear()
    remove.clear()
    said = { ...said, members }
  }
  for (const { op, path, value } of operationsIn(body)) {
    const named = path === undefined ? undefined : plainName(path)
    const member = named === undefined ? undefined : memberIn(named)
    if (member !== undefined) (op === 'remove' ? take : put)([member])
    else if (named === 'members') {
      if (op === 'add') put(membersOf(value))
      else if (op === 'replace') replace(membersOf(value))
      else if (value === undefined || value === null) replace([])
      else take(membersOf(value))
    } else if (op === 'remove') {
      throw new ScimError(400, 'Only members are removed from a group.', 'mutability')
    } else {
      const { members, ...rest } = readGroup(path === undefined ? unfolded(value) : atPath(path, value))
      said = { ...said, ...rest }
      if (members !== undefined) (op === 'add' ? put : replace)(members)
    }
  }
  return { ...said, add: [...add], remove: [...remove] }
}
