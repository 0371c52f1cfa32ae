import { Type } from 'typebox'

/** Who runs the deployment; the same for every service that takes their acts. */
export const operatorsSettings = {
  OPERATORS_TENANT: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
      description:
        'Tenant whose operators run the deployment: they adopt a restored store, freeze everything and free the logins of other tenants; nobody may without it when there are several',
    }),
  ),
}
