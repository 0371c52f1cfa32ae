export { makeSecrets, type MakeSecretsOptions } from './make-secrets/make-secrets.ts'
export { serveDemo, type ServeDemoOptions } from './serve-demo.ts'
