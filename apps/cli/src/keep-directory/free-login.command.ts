import type { FreedLogin, LoginTenants } from '@countersign/contracts'
import { examples, type Register } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { asPerson, callAs, type ChangeOptions, queryOf, withReason } from '../keep-registers/asked-by-person.ts'
import { plain } from '../print/words.ts'

type FreeOptions = ChangeOptions & { readonly issuer?: string; readonly tenant?: string; readonly yes?: boolean }

/** `countersign people free`: a login that another tenant has is nobody there any more. */
export const freeLoginCommand: Register = (people, context, finish) => {
  const { terminal } = context
  withReason(asPerson(people.command('free')))
    .summary('take a login out of another tenant that has it wrongly')
    .description(
      'For operators of the tenant that runs the deployment. One login is of one tenant; shows which have it and, with --yes,\nmakes it nobody in the one that is named. It is recorded in both tenants. An operator of the right one registers it then.',
    )
    .argument('<subject>', 'what the issuer puts into sub')
    .option('--issuer <url>', 'issuer whose subject it is; that of the deployment if absent')
    .option('--tenant <tenant>', 'id or name of the tenant that has it wrongly')
    .option('--yes', 'do it; without this it is only shown who has it')
    .addHelpText(
      'after',
      examples('countersign people free 8f14e45f --tenant acme --reason "ticket 4711" --yes --as ben'),
    )
    .action(async (subject: string, options: FreeOptions) => {
      const { call, issuer: ofDeployment } = await callAs(options, context)
      const { json, reason, tenant, yes, issuer = ofDeployment() } = options
      const { tenants } = await call<LoginTenants>(`/v1/directory/logins?${queryOf({ issuer, subject })}`)
      if (json !== true) {
        for (const { tenantId, name, person } of tenants) terminal.out(`${plain(name)}  ${tenantId}  as ${person}`)
      }
      if (tenants.length === 0)
        throw new Failure(`no tenant has ${plain(subject)} at ${plain(issuer)}`, { exitCode: exitCodes.refused })
      const named = tenants.filter(({ tenantId, name }) => tenant === tenantId || tenant === name)
      const [wrong, another] = named
      if (wrong === undefined || another !== undefined || yes !== true) {
        if (json === true) terminal.out(JSON.stringify({ tenants }))
        throw new Failure('nothing was done', {
          why: 'whoever signs in by it can do nothing in that tenant any more',
          next: 'Name the tenant that has it wrongly with --tenant, and say --yes.',
          exitCode: exitCodes.pending,
        })
      }
      const body = { issuer, subject, tenantId: wrong.tenantId, reason }
      const freed = await call<FreedLogin>('/v1/directory/logins/free', { method: 'POST', body })
      terminal.out(json === true ? JSON.stringify(freed) : `it is nobody in ${plain(wrong.name)} any more`)
      finish(exitCodes.ok)
    })
}
