/** A page as far as walking through forms needs it. */
export type BrowsedPage = {
  readonly url: string
  readonly status: number
  readonly text: string
  /** What the page's forms are sent with: its origin, or `null` under a policy that hides it (Fetch, 4.1 "Origin header"). */
  readonly formOrigin: string
}

/** A browser without a screen: keeps cookies, follows redirects, sends forms. */
export type Browser = {
  /** @param stopAt a redirect to an address that starts with this is not followed but returned, with status 302 */
  open(url: string, stopAt?: string): Promise<BrowsedPage>
  /** Sends the first form of the page with its hidden fields and these. */
  submit(page: BrowsedPage, fields: Readonly<Record<string, string>>, stopAt?: string): Promise<BrowsedPage>
}

type Form = { readonly body: URLSearchParams; readonly origin: string }

const MAX_REDIRECTS = 10

/** For one origin only: its cookies are not kept apart by host. */
export function startBrowser(): Browser {
  const cookies = new Map<string, string>()

  const request = async (start: string, form: Form | undefined, stopAt?: string): Promise<BrowsedPage> => {
    let url = start
    let sending = form
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { cookie, ...(sending && { origin: sending.origin }) },
        ...(sending && { method: 'POST', body: sending.body }),
      })
      for (const line of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s)
        if (value === '') cookies.delete(name)
        else cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) {
        const hidden = response.headers.get('referrer-policy') === 'no-referrer'
        const formOrigin = hidden ? 'null' : new URL(url).origin
        return { url, status: response.status, text: await response.text(), formOrigin }
      }
      await response.body?.cancel()
      url = new URL(location, url).href
      if (stopAt !== undefined && url.startsWith(stopAt))
        return { url, status: response.status, text: '', formOrigin: 'null' }
      sending = undefined
    }
    throw new Error(`More than ${MAX_REDIRECTS} redirects from ${start}`)
  }

  return {
    open: (url, stopAt) => request(url, undefined, stopAt),
    submit: (page, fields, stopAt) => {
      const action = /<form[^>]* action="([^"]*)"/.exec(page.text)?.[1]
      if (action === undefined) throw new Error(`No form on the page at ${new URL(page.url).pathname}`)
      const body = new URLSearchParams()
      for (const [input] of page.text.matchAll(/<input type="hidden"[^>]*>/g)) {
        body.set(attribute(input, 'name'), attribute(input, 'value'))
      }
      for (const [name, value] of Object.entries(fields)) body.set(name, value)
      return request(new URL(unescape(action), page.url).href, { body, origin: page.formOrigin }, stopAt)
    },
  }
}

function attribute(tag: string, name: string): string {
  return unescape(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '')
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return text.replace(/&(?:#(\d+)|(amp|lt|gt|quot));/g, (all, code?: string, name?: string) =>
    code === undefined ? (named[name ?? ''] ?? all) : String.fromCharCode(Number(code)),
  )
}
