import type { KoaContextWithOIDC } from 'oidc-provider'
import { html, type Markup, PAGE_HEADERS, page } from '../html.ts'

/** The form that asks for login and password; `refused` says that the last answer was wrong. */
export function signInPage(uid: string, clientId: string, refused: { login: string } | undefined): string {
  return page(
    refused ? 'Error: sign in' : 'Sign in',
    html`<main>
<h1>Sign in to continue to ${clientId}</h1>
<p class="quiet">Demo identity provider on this machine.</p>
${refused && html`<p class="error" role="alert" id="refused">E-mail or password is wrong.</p>`}
<form method="post" action="/interaction/${uid}">
<label for="login">E-mail</label>
<input id="login" name="login" type="text" autocomplete="username" required autofocus value="${refused?.login ?? ''}"${refused && html` aria-invalid="true" aria-describedby="refused"`}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button class="primary" type="submit">Sign in</button>
</form>
</main>`,
  )
}

/** Sends a page with our headers through the provider's context. */
export function sendPage(ctx: KoaContextWithOIDC, title: string, body: Markup): void {
  ctx.set({ ...PAGE_HEADERS })
  ctx.body = page(title, html`<main><h1>${title}</h1>${body}</main>`)
}

/** The form of RFC 8628 §3.3: a person types the code that the device shows. */
export function deviceCodePage(ctx: KoaContextWithOIDC, failed: boolean): void {
  sendPage(
    ctx,
    'Connect a device',
    html`${failed && html`<p class="error" role="alert" id="failed">That code can't be used. Check it and try again.</p>`}
<form method="post" action="${ctx.oidc.urlFor('code_verification')}">
<input type="hidden" name="xsrf" value="${formSecret(ctx)}">
<label for="user_code">Code shown on the device</label>
<input id="user_code" name="user_code" type="text" autocomplete="off" required autofocus${failed && html` aria-invalid="true" aria-describedby="failed"`}>
<button class="primary" type="submit">Continue</button>
</form>`,
  )
}

/** RFC 8628 §5.4: the person compares the code before the device is let in. */
export function deviceConfirmPage(ctx: KoaContextWithOIDC, clientId: string, userCode: string): void {
  sendPage(
    ctx,
    'Is this your device?',
    html`<p><strong>${clientId}</strong> asks to sign in as you and should show this code:</p>
<p><code>${userCode}</code></p>
<form method="post" action="${ctx.oidc.urlFor('code_verification')}">
<input type="hidden" name="xsrf" value="${formSecret(ctx)}">
<input type="hidden" name="user_code" value="${userCode}">
<button class="primary" type="submit" name="confirm" value="yes">Yes, continue</button>
<button type="submit" name="abort" value="yes">No, stop</button>
</form>`,
  )
}

// The provider puts the secret of its own form into the session's state just before it asks for the page.
function formSecret(ctx: KoaContextWithOIDC): string {
  const secret = ctx.oidc.session?.state?.secret
  if (typeof secret !== 'string') throw new Error('The device form has no secret')
  return secret
}
