import { EdgeRoute, Public, Refused } from '@countersign/service-kit'
import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Put, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type DirectoryFeed, DirectoryFeeds } from './directory-feed.ts'
import { errorBody, notFound, ScimError } from './scim-error.ts'
import { ScimGroups } from './scim-groups.ts'
import { discovery, listBody, type ScimResource } from './scim-resource.ts'
import { ScimUsers } from './scim-users.ts'

const attributes = {
  attributes: Type.Optional(Type.String({ maxLength: 1_000 })),
  excludedAttributes: Type.Optional(Type.String({ maxLength: 1_000 })),
} as const
const OneQuery = Type.Object(attributes)
const PageQuery = Type.Object({
  filter: Type.Optional(Type.String({ maxLength: 1_000 })),
  startIndex: Type.Optional(Type.Integer({ minimum: -2_147_483_648, maximum: 2_147_483_647 })),
  count: Type.Optional(Type.Integer({ minimum: -2_147_483_648, maximum: 2_147_483_647 })),
  ...attributes,
})
type OneQuery = Type.Static<typeof OneQuery>
type PageQuery = Type.Static<typeof PageQuery>

/** A push of a large group is large: an id takes some 150 bytes with its reference. */
const push = { bodies: ['scim', 'json'], bodyLimit: 1_048_576, json: { arrayLength: 5_000, keys: 50_000 } } as const

const bearerForm = /^Bearer +(\S{1,200})$/i
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const wantsMembers = ({ attributes: only, excludedAttributes: without }: OneQuery): boolean =>
  only === undefined ? !/(^|,)\s*members\s*(,|$)/i.test(without ?? '') : /(^|,)\s*members\s*(,|$)/i.test(only)

/** SCIM 2.0 (RFC 7644). The credential of the tenant's feed stands for a token. */
@Public()
@Controller('scim/v2')
export class ScimController {
  readonly #feeds: DirectoryFeeds
  readonly #users: ScimUsers
  readonly #groups: ScimGroups

  constructor(
    @Inject(DirectoryFeeds) feeds: DirectoryFeeds,
    @Inject(ScimUsers) users: ScimUsers,
    @Inject(ScimGroups) groups: ScimGroups,
  ) {
    this.#feeds = feeds
    this.#users = users
    this.#groups = groups
  }

  @Get('ServiceProviderConfig')
  config(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, async () => discovery.config)
  }

  @Get('ResourceTypes')
  resourceTypes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, async () => discovery.resourceTypes)
  }

  @Get('Schemas')
  schemas(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, async () => discovery.schemas)
  }

  @Get('Users')
  @EdgeRoute({ query: PageQuery })
  listUsers(@Query() query: PageQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, async (feed) => listBody(await this.#users.list(feed, query)))
  }

  @Post('Users')
  @EdgeRoute(push)
  createUser(@Body() body: ScimResource, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 201, (feed) => this.#users.create(feed, body))
  }

  @Get('Users/:id')
  @EdgeRoute({ query: OneQuery })
  readUser(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#users.read(feed, known(id)))
  }

  @Put('Users/:id')
  @EdgeRoute(push)
  replaceUser(
    @Param('id') id: string,
    @Body() body: ScimResource,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#users.replace(feed, known(id), body))
  }

  @Patch('Users/:id')
  @EdgeRoute(push)
  patchUser(
    @Param('id') id: string,
    @Body() body: ScimResource,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#users.patch(feed, known(id), body))
  }

  @Delete('Users/:id')
  removeUser(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 204, (feed) => this.#users.remove(feed, known(id)))
  }

  @Get('Groups')
  @EdgeRoute({ query: PageQuery })
  listGroups(@Query() query: PageQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 200, async (feed) =>
      listBody(await this.#groups.list(feed, query, wantsMembers(query))),
    )
  }

  @Post('Groups')
  @EdgeRoute(push)
  createGroup(@Body() body: ScimResource, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 201, (feed) => this.#groups.create(feed, body))
  }

  @Get('Groups/:id')
  @EdgeRoute({ query: OneQuery })
  readGroup(
    @Param('id') id: string,
    @Query() query: OneQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#groups.read(feed, known(id), wantsMembers(query)))
  }

  @Put('Groups/:id')
  @EdgeRoute(push)
  replaceGroup(
    @Param('id') id: string,
    @Body() body: ScimResource,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#groups.replace(feed, known(id), body))
  }

  @Patch('Groups/:id')
  @EdgeRoute(push)
  patchGroup(
    @Param('id') id: string,
    @Body() body: ScimResource,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#answer(request, reply, 200, (feed) => this.#groups.patch(feed, known(id), body))
  }

  @Delete('Groups/:id')
  removeGroup(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#answer(request, reply, 204, (feed) => this.#groups.remove(feed, known(id)))
  }

  /** Whoever asks, then the work; what SCIM has words for is said in them. */
  async #answer(
    { headers: { authorization } }: FastifyRequest,
    reply: FastifyReply,
    status: number,
    work: (feed: DirectoryFeed) => Promise<unknown>,
  ): Promise<void> {
    const bearer = bearerForm.exec(authorization ?? '')?.[1]
    const feed = bearer === undefined ? undefined : await this.#feeds.heardFrom(bearer)
    if (feed === undefined) {
      const code = authorization === undefined ? 'token_missing' : 'token_invalid'
      throw new Refused({ code, headers: { 'www-authenticate': 'Bearer realm="countersign-scim"' } })
    }
    const [code, body] = await said(status, () => work(feed))
    void reply.code(code).header('cache-control', 'no-store')
    if (code === 204) void reply.send()
    else void reply.header('content-type', 'application/scim+json').send(JSON.stringify(body))
  }
}

const known = (id: string): string => {
  if (uuid.test(id)) return id
  throw notFound()
}

const said = async (status: number, work: () => Promise<unknown>): Promise<[number, unknown]> => {
  try {
    return [status, await work()]
  } catch (error) {
    if (error instanceof ScimError) return [error.status, errorBody(error)]
    throw error
  }
}
