import { isRefusal, refuse, type Refusal } from '@countersign/contracts'
import { type EdgeRequest, EdgeRoute, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ownForm } from '../show-page/own-form.ts'
import { onwardPage, type Page, refusedPage, sendPage } from '../show-page/page.ts'
import { PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import { CallbackQuery } from './callback-query.ts'
import type { Onward, SignIn } from './sign-in.ts'

/** The sign-in page: to the identity provider and back. */
@Public()
@Controller('me/sign-in')
export class SignInController {
  readonly #signIn: SignIn | null
  readonly #publicUrl: string

  constructor(@Inject(SIGN_IN) signIn: SignIn | null, @Inject(PUBLIC_URL) publicUrl: string) {
    this.#signIn = signIn
    this.#publicUrl = publicUrl
  }

  @Post()
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'] })
  async begin(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const form = ownForm(request, this.#publicUrl)
    const asked = { surely: form.get('surely') === 'yes' }
    return sendPage(reply, pageOf(await this.#signIn?.begin(form.get('page') ?? '', asked), 'Sign in'))
  }

  @Get('callback')
  @EdgeRoute({ query: CallbackQuery })
  async finish(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const query = request.raw.url?.split('?')[1] ?? ''
    return sendPage(reply, pageOf(await this.#signIn?.finish(query, request.headers), 'Signed in'))
  }
}

const pageOf = (onward: Onward | Refusal = refuse('not_found'), title: string): Page =>
  isRefusal(onward) ? refusedPage(onward.code) : onwardPage(title, onward)
