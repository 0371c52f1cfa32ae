import { posix } from 'node:path'
import { expect, it } from 'vitest'
import { folderExists, readText, trackedFiles, type Problem, type Source } from './workspace.ts'

const link = /\[[^\]]*\]\(([^)\s]+)\)/g

const problemsOf = (pages: readonly Source[], exists: (path: string) => boolean): Problem[] =>
  pages.flatMap(({ path, text }) =>
    [...text.matchAll(link)]
      .map(([, target = '']) => target.split('#')[0] ?? '')
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
      .map((target) => posix.join(posix.dirname(path), target))
      .filter((target) => !exists(target))
      .map((target) => `${path} links to ${target}, which is not there`),
  )

it('links only to what is there', () => {
  const pages = trackedFiles().filter((path) => path.endsWith('.md') && !/(^|\/)fixtures\//.test(path))
  expect(
    problemsOf(
      pages.map((path) => ({ path, text: readText(path) })),
      folderExists,
    ),
  ).toEqual([])
})

it('would find a broken link', () => {
  expect(problemsOf([{ path: 'docs/a.md', text: 'See [b](b.md) and [c](https://c.example)' }], () => false)).toEqual([
    'docs/a.md links to docs/b.md, which is not there',
  ])
})
