export { type Browser, type BrowsedPage, startBrowser } from './identity-provider/browser.ts'
export type { LoopbackClient } from './identity-provider/clients.ts'
export type { LoopbackPerson } from './identity-provider/people.ts'
export { clientToken, discover, signIn } from './identity-provider/sign-in.ts'
export {
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from './identity-provider/start-identity-provider.ts'
