import { type EdgeRequest, EdgeRoute, Public } from '@countersign/service-kit'
import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ownForm, requireFormToken } from '../show-page/own-form.ts'
import { type Page, refusedPage, sendPage } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import { KEYS_PAGE, PUBLIC_URL, SIGN_IN } from '../tokens.ts'
import type { KeysPage } from './keys-page.ts'

/** The page on which people add and remove security keys of their own. */
@Public()
@Controller('me/keys')
export class KeysPageController {
  readonly #page: KeysPage | null
  readonly #signIn: SignIn | null
  readonly #publicUrl: string

  constructor(
    @Inject(KEYS_PAGE) page: KeysPage | null,
    @Inject(SIGN_IN) signIn: SignIn | null,
    @Inject(PUBLIC_URL) publicUrl: string,
  ) {
    this.#page = page
    this.#signIn = signIn
    this.#publicUrl = publicUrl
  }

  @Get()
  async show(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const session = await this.#signIn?.session(request.headers)
    return sendPage(reply, (await this.#page?.show(session)) ?? refusedPage('not_found'))
  }

  @Post()
  @HttpCode(200)
  @EdgeRoute({ bodies: ['form'] })
  async change(@Req() request: EdgeRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const form = ownForm(request, this.#publicUrl)
    const session = await this.#signIn?.session(request.headers)
    if (session !== undefined) requireFormToken(form, session.secret)
    const page = session === undefined ? this.#page?.show(session) : this.#changed(session, form)
    return sendPage(reply, (await page) ?? refusedPage('not_found'))
  }

  #changed(session: PageSession, form: ReadonlyMap<string, string>): Promise<Page> | undefined {
    const keyId = form.get('remove')
    return keyId === undefined ? this.#page?.register(session, form) : this.#page?.remove(session, keyId)
  }
}
