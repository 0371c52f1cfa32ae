import { eventDefinitions, messageDefinitions, topics, type EventDefinition } from '@countersign/contracts'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderExists, production, readText, root, type Problem, type Source } from './workspace.ts'

const sources = production()
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

/** Consumers whose code neither names the event nor folds an intent's whole stream with the core. */
const unread = (definitions: readonly EventDefinition[], all: readonly Source[]): Problem[] =>
  definitions.flatMap(({ name, consumers }) =>
    consumers
      .filter((folder) => {
        const inside = all.filter(({ path }) => path.startsWith(`${sourceFolder(folder)}/`))
        return !inside.some(
          ({ text }) => text.includes(`'${name}'`) || /'@countersign\/intent'|\/decide-intent\.ts'/.test(text),
        )
      })
      .map((folder) => `${name} says that ${folder} reacts, which never looks at it`),
  )

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

it('names as consumers only who looks at the event', () => {
  expect(unread(eventDefinitions, sources)).toEqual([])
  const lists = eventDefinitions.filter(({ consumers }) =>
    consumers.some((folder) => /^(ledger|lineage-projector)\//.test(folder)),
  )
  expect(lists, 'ledger and projector take every event').toEqual([])
})

it('gives every message an example', () => {
  expect(messageDefinitions.filter(({ name, version }) => !fixtures.has(`${name}.v${version}`))).toEqual([])
})

it('has each event named in the code of its owner or in the core', () => {
  expect(unwritten(eventDefinitions, sources)).toEqual([])
})

it('says of each topic truly whether anything uses it yet', () => {
  const { channels } = JSON.parse(readText('libs/contracts/generated/asyncapi.json')) as {
    channels: Record<string, { 'x-status'?: string }>
  }
  const used = (name: string) =>
    sources.some(
      // Who sets the topics up does not use them.
      ({ path, text }) => !/^(libs\/contracts|deploy)\//.test(path) && new RegExp(`\\btopics\\.${name}\\b`).test(text),
    )
  expect(Object.keys(channels).sort()).toEqual(Object.keys(topics).sort())
  for (const [name, channel] of Object.entries(channels)) {
    expect([name, channel['x-status'] ?? 'used']).toEqual([name, used(name) ? 'used' : 'planned'])
  }
})

it('has topics under one prefix and version', () => {
  const names = Object.values(topics).map((topic) => (typeof topic === 'string' ? topic : topic('acme')))
  expect(names.filter((name) => !/^countersign\.[a-z]+\.v1(\.acme)?$/.test(name))).toEqual([])
})

it('would find an event without owner folder, consumer, reason or example', () => {
  const broken = { ...eventDefinitions[0], ownerFolder: 'policy/nowhere', consumers: [] } as unknown as EventDefinition
  expect(problemsOf([broken], { folder: () => false, fixture: () => false })).toHaveLength(4)
  const deaf = { ...eventDefinitions[0], consumers: ['policy/evaluate-intent'] } as unknown as EventDefinition
  expect(unread([deaf], [{ path: 'apps/policy/src/evaluate-intent/a.ts', text: 'export {}' }])).toHaveLength(1)
  expect(unwritten([broken], [{ path: 'apps/policy/src/a.ts', text: "'ActionIntentPublished'" }])).toHaveLength(1)
})
