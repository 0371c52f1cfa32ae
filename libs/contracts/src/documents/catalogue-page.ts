import { eventDefinitions } from '../catalogue.ts'
import type { EventDefinition } from '../event.ts'
import { wireType } from '../event.ts'
import { topics } from '../topics.ts'

/** One event as the catalogue lists it. */
export type CatalogueEntry = {
  readonly event: string
  readonly type: string
  readonly kind: string
  readonly schema: string
  readonly owner: string
  readonly ownerFolder: string
  readonly consumers: readonly string[]
  readonly noConsumerBecause?: string
  readonly topic: string
}

/** `intake/publish-intent` is the folder of that name below the app's sources. */
const sourceFolder = (folder: string): string => `apps/${folder.replace('/', '/src/')}`

const entryOf = (definition: EventDefinition): CatalogueEntry => {
  const { name, version, kind, owner, ownerFolder, consumers, noConsumerBecause } = definition
  return {
    event: name,
    type: wireType(name, version),
    kind,
    schema: `schemas/${name}.v${version}.json`,
    owner,
    ownerFolder: sourceFolder(ownerFolder),
    consumers: consumers.map(sourceFolder),
    ...(noConsumerBecause === undefined ? {} : { noConsumerBecause }),
    topic: topics.events,
  }
}

export const catalogueEntries = (): CatalogueEntry[] => eventDefinitions.map(entryOf)

const row = ({ event, schema, kind, ownerFolder, consumers, noConsumerBecause }: CatalogueEntry): string => {
  const reacts =
    consumers.length > 0 ? consumers.map((folder) => `\`${folder}\``).join(', ') : `– (${noConsumerBecause})`
  return `| [${event}](${schema}) | ${kind} | \`${ownerFolder}\` | ${reacts} |`
}

/** The event catalogue as a page for people. */
export const cataloguePage = (): string => `# Event catalogue

Every event has one owner, who alone may append it, and travels on \`${topics.events}\`. \`ledger\` and
\`lineage-projector\` take every event and are not listed as consumers.

| event | stream | appended in | reacted to in |
|---|---|---|---|
${catalogueEntries().map(row).join('\n')}
`
