import { expect, it } from 'vitest'
import { lifeOf, subjects, type Ending } from './life.fixture.ts'
import { textPath } from './text-path.ts'

const names: Record<string, string> = { [subjects.ben]: 'Ben' }
const path = (ending: Ending, target?: string) =>
  textPath(
    lifeOf({ n: 1, ending, ...(target === undefined ? {} : { target }) }),
    (subject) => names[subject] ?? subject,
  )

it('tells how far an intent came, with a double arrow only where data moved', () => {
  expect(path('published')).toBe('etl-bot/m-4 → export')
  expect(path('in review')).toBe('etl-bot/m-4 → export → waiting')
  expect(path('denied')).toBe('etl-bot/m-4 → export → denied by never-delete-backups')
  expect(path('review denied')).toBe('etl-bot/m-4 → export → Ben (Slack) denied')
  expect(path('expired')).toBe('etl-bot/m-4 → export → expired')
  expect(path('revoked')).toBe('etl-bot/m-4 → export → Ben (Slack) → grant → revoked')
  expect(path('failed')).toBe('etl-bot/m-4 → export → Ben (Slack) → grant → failed')
  expect(path('succeeded')).toBe('etl-bot/m-4 → export → Ben (Slack) → grant → customers ⇒ s3://partner-eu')
  expect(path('reconciled')).toBe('etl-bot/m-4 → export → Ben (Slack) → grant → customers ⇒ s3://partner-eu')
  expect(path('allowed and succeeded', 'orders')).toBe(
    'etl-bot/m-4 → export → allowed by reads-are-free → grant ⇒ orders',
  )
})

it('shows the subject id where no name is given', () => {
  expect(textPath(lifeOf({ n: 1, ending: 'approved' }))).toBe(`etl-bot/m-4 → export → ${subjects.ben} (Slack)`)
})
