import type { Browser, BrowsedPage } from '@countersign/loopback/identity-provider'
import type { Name, NotifierWorld } from '../notifier-world.fixture.ts'

/** Where a page sends the browser on by itself; empty when it does not. */
export const nextOf = ({ text }: BrowsedPage): string =>
  (/<p><a href="([^"]*)">Continue/.exec(text)?.[1] ?? '').replaceAll('&#38;', '&').replaceAll('&#39;', "'")

/** From a page with a sign-in button through the identity provider and back to the page. */
export const signInOn = async (
  { publicUrl }: Pick<NotifierWorld, 'publicUrl'>,
  browser: Browser,
  page: BrowsedPage,
  name: Name,
): Promise<BrowsedPage> => {
  const onward = await browser.submit(page, {})
  const asked = await browser.open(nextOf(onward))
  const back = await browser.submit(asked, { login: name, password: `password of ${name}` })
  const next = nextOf(back)
  return next === '' ? back : browser.open(new URL(next, publicUrl).href)
}

/** What the page's script hands to the authenticator. */
export const keyOptionsIn = ({ text }: BrowsedPage): { challenge: string } => {
  const json = / data-options="([^"]*)"/.exec(text)?.[1] ?? ''
  return JSON.parse(json.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))) as {
    challenge: string
  }
}

/** The page with its last form as its only one. */
export const lastForm = (page: BrowsedPage): BrowsedPage => ({
  ...page,
  text: page.text.slice(page.text.lastIndexOf('<form')),
})
