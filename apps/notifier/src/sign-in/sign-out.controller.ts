import { type EdgeRequest, EdgeRoute, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { html } from '../show-page/markup.ts'
import { formTokenOf, ownForm, requireFormToken } from '../show-page/own-form.ts'
import { type Page, refusedPage, sendPage } from '../show-page/page.ts'
import { PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import type { PageSession } from './page-sessions.ts'
import type { SignIn } from './sign-in.ts'

/** Ends what a sign-in on a page began. */
@Public()
@Controller('me/sign-out')
export class SignOutController {
  readonly #signIn: SignIn | null
  readonly #publicUrl: string

  constructor(@Inject(SIGN_IN) signIn: SignIn | null, @Inject(PUBLIC_URL) publicUrl: string) {
    this.#signIn = signIn
    this.#publicUrl = publicUrl
  }

  @Get()
  async show(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    if (this.#signIn === null) return sendPage(reply, refusedPage('not_found'))
    const session = await this.#signIn.session(request.headers)
    return sendPage(reply, session === undefined ? signedOut : signOutPage(session))
  }

  @Post()
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'] })
  async end(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const form = ownForm(request, this.#publicUrl)
    if (this.#signIn === null) return sendPage(reply, refusedPage('not_found'))
    const session = await this.#signIn.session(request.headers)
    if (session === undefined) return sendPage(reply, signedOut)
    requireFormToken(form, session.secret)
    return sendPage(reply, { ...signedOut, cookies: await this.#signIn.end(session) })
  }
}

const signOutPage = ({ secret }: PageSession): Page => ({
  title: 'Sign out',
  body: html`<form method="post" action="/me/sign-out">
<input type="hidden" name="token" value="${formTokenOf(secret)}">
<button type="submit">Sign out</button>
</form>`,
})

const signedOut: Page = {
  title: 'Signed out',
  body: html`<p>Nobody is signed in here any more. Your identity provider may still know you; the next sign-in asks it to sign you in anew.</p>`,
}
