import { httpRoutes, refusals } from '@countersign/contracts'
import { edgeRefusals, statusOf } from '@countersign/service-kit'
import { expect, it } from 'vitest'
import { production, withoutComments, type Source } from './workspace.ts'

const sources = production()
const routeDecorator = /@(Controller|Get|Post|Put|Patch|Delete)\((?:'([^']*)')?\)/g
const served = /\binstance\.(get|post|put|patch|delete)\('([^']+)'/g

const joined = (...parts: readonly string[]): string => {
  const path = parts.filter((part) => part !== '').join('/')
  return `/${path}`
    .replaceAll(/\/+/g, '/')
    .replaceAll(/:(\w+)/g, '{$1}')
    .replace(/\*$/, '{path}')
}

/** `METHOD /path` of every route that the sources declare, in the notation of OpenAPI. */
const declaredIn = (sources: readonly Source[]): string[] =>
  sources.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    let prefix = ''
    const byDecorator = path.endsWith('.controller.ts')
      ? [...code.matchAll(routeDecorator)].flatMap(([, name = '', address = '']) => {
          if (name !== 'Controller') return [`${name.toUpperCase()} ${joined(prefix, address)}`]
          prefix = address
          return []
        })
      : []
    return [
      ...byDecorator,
      ...[...code.matchAll(served)].map(
        ([, method = '', address = '']) => `${method.toUpperCase()} ${joined(address)}`,
      ),
    ]
  })

const services = (): Source[] => sources.filter(({ path }) => /^(apps\/|libs\/service-kit\/)/.test(path))
const listed = () => httpRoutes.map(({ method, path }) => `${method} ${path}`)

it('serves exactly the routes that the contracts list', () => {
  expect(declaredIn(services()).sort()).toEqual(listed().sort())
})

it('serves each from the folder that the contracts name', () => {
  const homeOf = (folder: string) =>
    folder === 'service-kit' ? 'libs/service-kit/src' : `apps/${folder.replace(/^[a-z-]+/, '$&/src')}`
  const misplaced = httpRoutes.filter(({ folder, method, path }) => {
    const inside = services().filter((source) => source.path.startsWith(`${homeOf(folder)}/`))
    return !declaredIn(inside).includes(`${method} ${path}`)
  })
  expect(misplaced.map(({ path, folder }) => `${path} is not served from ${folder}`)).toEqual([])
})

it('has an HTTP status of its own for every refusal', () => {
  const unknown = [...Object.keys(refusals), ...Object.keys(edgeRefusals)].filter((code) => statusOf(code) === 422)
  expect(unknown.sort()).toEqual(['policy_error', 'unknown_action'])
})

it('would find a route by decorator or by instance, and reads paths as OpenAPI writes them', () => {
  expect(
    declaredIn([
      {
        path: 'apps/a/src/b.controller.ts',
        text: "@Controller('v1/things')\nclass A {\n  @Get()\n  all() {}\n  @Post(':id/use')\n  use() {}\n  // @Get('not')\n  @Get('tile/*')\n}",
      },
      { path: 'libs/service-kit/src/c.ts', text: "instance.get('/healthz', async () => 1)" },
    ]),
  ).toEqual(['GET /v1/things', 'POST /v1/things/{id}/use', 'GET /v1/things/tile/{path}', 'GET /healthz'])
})
