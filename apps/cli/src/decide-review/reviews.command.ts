import type { ReviewSummary } from '@countersign/contracts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'

type ReviewsOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }

export const registerReviews: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('reviews')
    .summary('list the reviews that you may decide')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign reviews --as ben'))
    .action(async (options: ReviewsOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const { reviews } = await call<{ reviews: ReviewSummary[] }>('/v1/reviews?state=in_review', { signal })
      if (options.json === true) terminal.out(JSON.stringify(reviews, null, 2))
      else if (reviews.length === 0) terminal.out('Nothing waits for you.')
      else {
        const rows = reviews.map((review) => [
          review.reviewId,
          plain(review.action),
          plain(review.target),
          plain(review.environment),
          plain(review.agent),
          review.seats.map(({ group, count }) => `${group} ${count}`).join(', '),
          review.deadline,
        ])
        const titles = ['review', 'action', 'target', 'environment', 'agent', 'seats', 'until']
        for (const line of table(
          titles.map((title) => ({ title })),
          rows,
        ))
          terminal.out(line)
      }
      finish(0)
    })
}
