import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** The repository. */
export const root = join(import.meta.dirname, '../../../..')

type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully'

/** A service of docker-compose.yml, as far as our checks read it; all in the forms that our file uses. */
export type ComposeService = {
  readonly image: string
  readonly build?: { readonly context: string; readonly target?: string }
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly user?: string
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly restart?: string
  readonly network_mode?: string
  readonly networks?: readonly string[]
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: Condition }>>
  readonly healthcheck?: { readonly test: readonly string[] }
}

export type ComposeFile = {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
}

/** A mount in the short form: `source:target[:ro]`. */
export type Mount = { readonly source: string; readonly target: string; readonly isReadOnly: boolean }

export const composeText = (): string => readFileSync(join(root, 'docker-compose.yml'), 'utf8')

/** Puts defaults in the place of `${NAME:-default}`, as Compose does for an empty environment. */
export const withDefaults = (text: string): string =>
  text.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, (_all, fallback: string) => fallback)

/** The file as a document, as Compose reads it in an empty environment. */
export const composeDocument = (text = composeText()): unknown => parse(withDefaults(text), { merge: true })

export const composeFile = (text = composeText()): ComposeFile => composeDocument(text) as ComposeFile

export const mountsOf = ({ volumes = [] }: ComposeService): readonly Mount[] =>
  volumes.map((mount) => {
    const [source = '', target = '', mode] = mount.split(':')
    return { source, target, isReadOnly: mode === 'ro' }
  })

/** Whether it runs to an end: others wait for its success, or a person starts it. */
export const isJob = (name: string, { services }: ComposeFile): boolean =>
  services[name]?.profiles !== undefined ||
  Object.values(services).some(
    ({ depends_on = {} }) => depends_on[name]?.condition === 'service_completed_successfully',
  )

/** The built image's services. */
export const isOurs = ({ image }: ComposeService): boolean => image.startsWith('countersign:')

/** What a container runs: entry point and command. */
export const argumentsOf = ({ entrypoint = [], command = [] }: ComposeService): readonly string[] => [
  ...entrypoint,
  ...command,
]
