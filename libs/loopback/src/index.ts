export { startIdentityProvider } from './identity-provider.ts'
export { startLoopbackSlack } from './slack.ts'
