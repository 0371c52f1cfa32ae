import { httpRoutes } from '../http-routes.ts'
import { refusalsOf } from '../http-routes/route.ts'
import { refusals, type RefusalCode } from '../refusals.ts'
import type { OpenApiOptions } from './openapi.ts'

/** More than this many routes are "most". */
const most = 8

const routesOf = (code: RefusalCode): string => {
  const found = httpRoutes.filter((route) => refusalsOf(route).includes(code))
  if (found.length === 0) return 'any route, or recorded with the intent'
  if (found.length > most) return 'most routes'
  return found.map(({ method, path }) => `\`${method} ${path}\``).join('<br>')
}

/** Every refusal code as a page for people. */
export const refusalsPage = ({ statusOf }: OpenApiOptions): string => {
  const rows = (Object.keys(refusals) as RefusalCode[]).map((code) => {
    const { title, next } = refusals[code]
    return `| \`${code}\` | ${statusOf(code)} | ${title} | ${next} | ${routesOf(code)} |`
  })
  return `# Refusals

Every no has a stable code. Over HTTP it comes as problem details (RFC 9457); a refusal never quotes what was sent.

| code | HTTP | what happened | what to do | where |
|---|---|---|---|---|
${rows.join('\n')}
`
}
