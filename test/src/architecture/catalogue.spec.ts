import { eventDefinitions, messageDefinitions, topics, type EventDefinition } from '@countersign/contracts'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderExists, production, root, type Problem, type Source } from './workspace.ts'

const sourceFolder = (folder: string): string => `apps/${folder.replace('/', '/src/')}`

/** An owner and consumers that exist, an example, and a reason where nobody but ledger and projector reacts. */
const problemsOf = (
  definitions: readonly EventDefinition[],
  has: { folder(path: string): boolean; fixture(name: string): boolean },
): Problem[] =>
  definitions.flatMap(({ name, version, owner, ownerFolder, consumers, noConsumerBecause }) => [
    ...(ownerFolder.startsWith(`${owner}/`) ? [] : [`${name} is owned by ${owner} but appended in ${ownerFolder}`]),
    ...[ownerFolder, ...consumers]
      .filter((folder) => !has.folder(sourceFolder(folder)))
      .map((folder) => `${name} names ${sourceFolder(folder)}, which is not there`),
    ...(has.fixture(`${name}.v${version}`) ? [] : [`${name} has no example`]),
    ...(consumers.length === 0 && (noConsumerBecause ?? '') === '' ? [`${name} has no consumer and no reason`] : []),
    ...(consumers.length > 0 && noConsumerBecause !== undefined ? [`${name} has consumers and a reason for none`] : []),
  ])

/** Events that no owner's code ever names: they would be in the catalogue only. */
const unwritten = (definitions: readonly EventDefinition[], sources: readonly Source[]): Problem[] =>
  definitions
    .filter(
      ({ name, owner }) =>
        !sources.some(
          ({ path, text }) =>
            (path.startsWith(`apps/${owner}/`) || path.startsWith('libs/intent/')) && text.includes(`'${name}'`),
        ),
    )
    .map(({ name, owner }) => `${name} is never written by ${owner}`)

const fixtures = new Set(readdirSync(join(root, 'libs/contracts/fixtures')))
const present = { folder: folderExists, fixture: (name: string) => fixtures.has(name) }

it('gives every event an owner, an example, and a consumer or a reason', () => {
  expect(problemsOf(eventDefinitions, present)).toEqual([])
})

it('gives every message an example', () => {
  expect(messageDefinitions.filter(({ name, version }) => !fixtures.has(`${name}.v${version}`))).toEqual([])
})

it('has each event named in the code of its owner or in the core', () => {
  expect(unwritten(eventDefinitions, production())).toEqual([])
})

it('has topics under one prefix and version', () => {
  const names = Object.values(topics).map((topic) => (typeof topic === 'string' ? topic : topic('acme')))
  expect(names.filter((name) => !/^countersign\.[a-z]+\.v1(\.acme)?$/.test(name))).toEqual([])
})

it('would find an event without owner folder, consumer, reason or example', () => {
  const broken = { ...eventDefinitions[0], ownerFolder: 'policy/nowhere', consumers: [] } as unknown as EventDefinition
  expect(problemsOf([broken], { folder: () => false, fixture: () => false })).toHaveLength(4)
  expect(unwritten([broken], [{ path: 'apps/policy/src/a.ts', text: "'ActionIntentPublished'" }])).toHaveLength(1)
})
