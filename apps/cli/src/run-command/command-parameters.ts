import type { JsonObject } from '@countersign/contracts'

/** A command line as it is approved and run. */
export type CommandLine = {
  readonly argv: readonly string[]
  /** Folder in which it runs, absolute. */
  readonly cwd: string
  /** Environment variables that it gets, by name. */
  readonly environmentNames: readonly string[]
}

/** Variables that a command gets unasked: what a shell needs to work, nothing that opens a door. */
export const plainVariables = [
  'HOME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'LOGNAME',
  'NO_COLOR',
  'PATH',
  'PATHEXT',
  'PWD',
  'SHELL',
  'SYSTEMROOT',
  'TEMP',
  'TERM',
  'TMP',
  'TMPDIR',
  'TZ',
  'USER',
  'USERPROFILE',
] as const

/**
 * Parameters of the intent: command line, folder and names of the environment variables are bound by the digest; values of
 * variables never leave this machine.
 */
export const commandParameters = ({ argv, cwd, environmentNames }: CommandLine): JsonObject => ({
  command: [...argv],
  cwd,
  environmentNames: [...environmentNames],
})

/** Names of the variables that a command gets, sorted: the plain ones that are set, and those that were asked for. */
export const environmentNames = (
  env: Readonly<Record<string, string | undefined>>,
  asked: readonly string[],
): string[] => [...new Set([...plainVariables.filter((name) => env[name] !== undefined), ...asked])].sort()

/** Exactly the named variables. */
export const chosenEnvironment = (
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
