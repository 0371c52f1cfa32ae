import { isRefusal, refuse, type Refusal } from '@countersign/contracts'
import { type EdgeRequest, EdgeRoute, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ownForm } from '../show-page/own-form.ts'
import { html } from '../show-page/markup.ts'
import { onwardPage, type Page, refusedPage, sendPage, signInForm } from '../show-page/page.ts'
import { PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import { CallbackQuery } from './callback-query.ts'
import type { Choice, Onward, SignIn } from './sign-in.ts'

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
    const page = form.get('page') ?? ''
    const surely = form.get('surely') === 'yes'
    const begun = await this.#signIn?.begin(page, { issuer: form.get('issuer'), surely })
    const isChoice = begun !== undefined && 'issuers' in begun
    return sendPage(reply, isChoice ? choicePage(page, { ...begun, surely }) : pageOf(begun, 'Sign in'))
  }

  @Get('callback')
  @EdgeRoute({ query: CallbackQuery })
  async finish(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const query = request.raw.url?.split('?')[1] ?? ''
    return sendPage(reply, pageOf(await this.#signIn?.finish(query, request.headers), 'Signed in'))
  }
}

/** Where people of several issuers say which one is theirs. */
const choicePage = (page: string, { issuers, surely }: Choice & { readonly surely: boolean }): Page => ({
  title: 'Sign in',
  body: html`<p>Where do you sign in?</p>
${issuers.map((issuer) => signInForm(page, { surely, issuer }))}`,
})

const pageOf = (onward: Onward | Refusal = refuse('not_found'), title: string): Page =>
  isRefusal(onward) ? refusedPage(onward.code) : onwardPage(title, onward)
