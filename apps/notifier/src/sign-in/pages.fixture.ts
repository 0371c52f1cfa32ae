import type { Browser, BrowsedPage } from '@countersign/loopback/identity-provider'
import type { Name, NotifierWorld } from '../notifier-world.fixture.ts'

/** Where a page sends the browser on by itself; empty when it does not. */
export const nextOf = ({ text }: BrowsedPage): string =>
  (/<p><a href="([^"]*)">Continue/.exec(text)?.[1] ?? '').replaceAll('&#38;', '&').replaceAll('&#39;', "'")

/** From a page with a sign-in button through the identity provider and back to the page. */
export const signInOn = async (
  { url }: Pick<NotifierWorld, 'url'>,
  browser: Browser,
  page: BrowsedPage,
  name: Name,
): Promise<BrowsedPage> => {
  const onward = await browser.submit(page, {})
  const asked = await browser.open(nextOf(onward))
  const back = await browser.submit(asked, { login: name, password: `password of ${name}` })
  const next = nextOf(back)
  return next === '' ? back : browser.open(new URL(next, url).href)
}
