import type pg from 'pg'
import type { DirectoryPerson } from './directory-person.ts'
import { allTenants } from './registers.ts'

export type DeploymentOperators = {
  readonly pool: pg.Pool
  /** Tenant whose operators run the deployment; undefined when none is named. */
  readonly operatorsOf: string | undefined
}

/** The tenant that runs the deployment: the one that is named, or the only one there is; undefined when nobody can say. */
export const operatorsTenant = async ({ pool, operatorsOf }: DeploymentOperators): Promise<string | undefined> => {
  if (operatorsOf !== undefined) return operatorsOf
  const [only, another] = await allTenants(pool)
  return another === undefined ? only?.tenantId : undefined
}

/** Whether somebody may do what concerns every tenant: an operator of the tenant that runs the deployment. */
export const operatesDeployment = async (
  operators: DeploymentOperators,
  { tenantId, groups }: Pick<DirectoryPerson, 'tenantId' | 'groups'>,
): Promise<boolean> => groups.includes('operators') && tenantId === (await operatorsTenant(operators))
