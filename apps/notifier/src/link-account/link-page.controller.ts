import { type EdgeRequest, EdgeRoute, pathParameter, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ownForm, requireFormToken } from '../show-page/own-form.ts'
import { refusedPage, sendPage } from '../show-page/page.ts'
import { TicketSecret } from '../sign-in/page-tickets.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import { LINK_PAGE, PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import type { LinkPage } from './link-page.ts'

/** The page on which a person takes a chat account as their own. */
@Public()
@Controller('me/link')
export class LinkPageController {
  readonly #page: LinkPage | null
  readonly #signIn: SignIn | null
  readonly #publicUrl: string

  constructor(
    @Inject(LINK_PAGE) page: LinkPage | null,
    @Inject(SIGN_IN) signIn: SignIn | null,
    @Inject(PUBLIC_URL) publicUrl: string,
  ) {
    this.#page = page
    this.#signIn = signIn
    this.#publicUrl = publicUrl
  }

  @Get(':ticket')
  async show(
    @Param('ticket', pathParameter(TicketSecret)) ticket: string,
    @Req() request: EdgeRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const session = await this.#signIn?.session(request.headers)
    return sendPage(reply, (await this.#page?.show(ticket, session)) ?? refusedPage('not_found'))
  }

  @Post(':ticket')
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'] })
  async confirm(
    @Param('ticket', pathParameter(TicketSecret)) ticket: string,
    @Req() request: EdgeRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const form = ownForm(request, this.#publicUrl)
    const session = await this.#signIn?.session(request.headers)
    if (session !== undefined) requireFormToken(form, session.secret)
    const page = session === undefined ? this.#page?.show(ticket, session) : this.#page?.confirm(ticket, session)
    return sendPage(reply, (await page) ?? refusedPage('not_found'))
  }
}
