import { type EdgeRequest, EdgeRoute, pathParameter, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { showTicketPage, submitTicketPage, type TicketPageParts } from '../show-page/ticket-page.ts'
import { TicketSecret } from '../sign-in/page-tickets.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import { LINK_PAGE, PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import type { LinkPage } from './link-page.ts'

/** The page on which a person takes a chat account as their own. */
@Public()
@Controller('me/link')
export class LinkPageController {
  readonly #parts: TicketPageParts

  constructor(
    @Inject(LINK_PAGE) page: LinkPage | null,
    @Inject(SIGN_IN) signIn: SignIn | null,
    @Inject(PUBLIC_URL) publicUrl: string,
  ) {
    this.#parts = { page, signIn, publicUrl }
  }

  @Get(':ticket')
  show(
    @Param('ticket', pathParameter(TicketSecret)) ticket: string,
    @Req() request: EdgeRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return showTicketPage(this.#parts, ticket, { request, reply })
  }

  @Post(':ticket')
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'] })
  confirm(
    @Param('ticket', pathParameter(TicketSecret)) ticket: string,
    @Req() request: EdgeRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return submitTicketPage(this.#parts, ticket, { request, reply })
  }
}
