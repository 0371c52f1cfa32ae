import type { ReviewView } from '@countersign/contracts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { plain, shortDigest } from '../print/words.ts'

type VerdictOptions = DeploymentOptions & { readonly as?: string; readonly reason?: string; readonly json?: boolean }

const registerVerdict = (verdict: 'approve' | 'deny'): Register => {
  const past = { approve: 'approved', deny: 'denied' }[verdict]
  return (program, { terminal, env, signal }, finish) => {
    program
      .command(verdict)
      .summary(`${verdict} a review as a person`)
      .description(
        `Reads the whole review as you would see it and gives your verdict on exactly that. Your own requests, and those of\nagents that you own, are refused; the attempt is recorded.`,
      )
      .argument('<review>', 'id of the review', uuid)
      .requiredOption('--reason <text>', 'why')
      .addOption(asOption())
      .addOption(jsonOption())
      .addOption(dataDirOption())
      .addOption(urlOption())
      .addHelpText(
        'after',
        examples(`countersign ${verdict} 0199f1f0-7a1c-7000-8000-0000000000aa --as ben --reason "ticket 4711 checked"`),
      )
      .action(async (id: string, { reason, ...options }: VerdictOptions) => {
        const deployment = await findDeployment(options, env)
        const { call } = callsOf(deployment, deployment.personToken(options.as))
        const { presentationDigest } = await call<ReviewView>(`/v1/reviews/${id}`, { signal })
        const body = { verdict, presentationDigest, reason }
        const review = await call<{ state: string }>(`/v1/reviews/${id}/verdicts`, { method: 'POST', body, signal })
        if (options.json === true) terminal.out(JSON.stringify(review, null, 2))
        else terminal.out(`${past}: the review is ${plain(review.state)}, ${shortDigest(presentationDigest)}`)
        finish(0)
      })
  }
}

export const registerApprove = registerVerdict('approve')
export const registerDeny = registerVerdict('deny')
