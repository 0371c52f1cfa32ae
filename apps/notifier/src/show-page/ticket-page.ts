import type { EdgeRequest } from '@countersign/service-kit'
import type { FastifyReply } from 'fastify'
import type { PageSession } from '../sign-in/page-sessions.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import { ownForm, requireFormToken } from './own-form.ts'
import { type Page, refusedPage, sendPage } from './page.ts'

/** A page behind an address that was handed out once, with one form. */
export type TicketPage = {
  /** Looking changes nothing. */
  show(ticket: string, session: PageSession | undefined): Promise<Page>
  /** What the form asks for, by whoever is signed in. */
  submit(ticket: string, session: PageSession, form: ReadonlyMap<string, string>): Promise<Page>
}

export type TicketPageParts = {
  /** Null where there are no pages. */
  readonly page: TicketPage | null
  readonly signIn: SignIn | null
  readonly publicUrl: string
}

type Exchange = { readonly request: EdgeRequest; readonly reply: FastifyReply }

export const showTicketPage = async (
  { page, signIn }: TicketPageParts,
  ticket: string,
  { request, reply }: Exchange,
): Promise<string> => {
  const session = await signIn?.session(request.headers)
  return sendPage(reply, (await page?.show(ticket, session)) ?? refusedPage('not_found'))
}

/** Takes the form of a page of ours; without a session it only shows the page. @throws Refused for any other form */
export const submitTicketPage = async (
  { page, signIn, publicUrl }: TicketPageParts,
  ticket: string,
  { request, reply }: Exchange,
): Promise<string> => {
  const form = ownForm(request, publicUrl)
  const session = await signIn?.session(request.headers)
  if (session !== undefined) requireFormToken(form, session.secret)
  const next = session === undefined ? page?.show(ticket, session) : page?.submit(ticket, session, form)
  return sendPage(reply, (await next) ?? refusedPage('not_found'))
}
