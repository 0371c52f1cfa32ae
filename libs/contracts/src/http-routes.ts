import { directoryRoutes } from './http-routes/directory-routes.ts'
import { freezeRoutes } from './http-routes/freeze-routes.ts'
import { intentRoutes } from './http-routes/intent-routes.ts'
import { pageRoutes } from './http-routes/page-routes.ts'
import { proofRoutes } from './http-routes/proof-routes.ts'
import { quarantineRoutes } from './http-routes/quarantine-routes.ts'
import { registerRoutes } from './http-routes/register-routes.ts'
import { reviewRoutes } from './http-routes/review-routes.ts'
import { scimRoutes } from './http-routes/scim-routes.ts'
import { storeRoutes } from './http-routes/store-routes.ts'
import type { HttpRoute } from './http-routes/route.ts'

/** The whole HTTP surface: OpenAPI is generated from it, and a test holds the controllers against it. */
export const httpRoutes: readonly HttpRoute[] = [
  ...intentRoutes,
  ...freezeRoutes,
  ...reviewRoutes,
  ...registerRoutes,
  ...directoryRoutes,
  ...scimRoutes,
  ...pageRoutes,
  ...proofRoutes,
  ...storeRoutes,
  ...quarantineRoutes,
]
