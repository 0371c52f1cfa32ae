import { html, type Markup } from '../show-page/markup.ts'
import type { Presentation } from '../present-review/presentation.ts'
import { cautionLines, demandText, impactText } from '../present-review/presentation-text.ts'

const names = (people: readonly { readonly name: string }[]): string =>
  people.length === 0 ? 'nobody' : people.map(({ name }) => name).join(', ')

const entry = (term: string, text: string): Markup => html`<dt>${term}</dt><dd>${text}</dd>`
const block = (title: string, text: string): Markup => html`<h2>${title}</h2><pre>${text}</pre>`

/** Everything of a presentation, as text. What others wrote stands in blocks whose titles say whose words they are. */
export const presentationMarkup = (presentation: Presentation): Markup => {
  const { agent, claims, policy, seats } = presentation
  const model = agent.model === null ? '' : `, model ${agent.model}`
  const session = agent.session === null ? '' : `, session ${agent.session}`
  const lookClosely = cautionLines(presentation)
  const total = claims.logs.lines.length + claims.logs.omitted
  return html`<dl>
${entry('Action', presentation.action)}
${entry('Target', presentation.target)}
${entry('Environment', presentation.environment)}
${entry('Agent', `${agent.name} (${agent.kind}${model}${session})`)}
${entry('On behalf of', presentation.onBehalfOf === null ? 'nobody' : presentation.onBehalfOf.name)}
${entry('Owners', names(presentation.owners))}
${entry('Executor', `${presentation.executor}, producer ${presentation.producer}`)}
${entry('Claimed impact, unverified', impactText(presentation))}
${entry('Decide before', presentation.deadline)}
${entry('Seats', seats.map(({ group, count }) => `${count} of ${group}`).join(', '))}
${presentation.assurance !== undefined && entry('To approve', `needs ${demandText(presentation.assurance)}`)}
${entry('Intent', presentation.intentId)}
${entry('Action digest', presentation.actionDigest)}
</dl>
${lookClosely.length > 0 && html`<div class="caution"><h2>Look closely</h2><pre>${lookClosely.join('\n')}</pre></div>`}
${block('Parameters, secrets redacted', presentation.parameters ?? 'erased')}
${presentation.preconditions !== null && block('Preconditions', presentation.preconditions)}
${block("The agent's words, unverified", claims.rationale ?? 'nothing said')}
${
  total > 0 &&
  block(`The agent's log, unverified: ${claims.logs.lines.length} of ${total} lines`, claims.logs.lines.join('\n'))
}
${block(
  'Asked for by policy',
  policy.reasons.length === 0
    ? policy.rules.join('\n')
    : policy.reasons.map(({ rule, text }) => (text === undefined ? rule : `${rule}: ${text}`)).join('\n'),
)}`
}
