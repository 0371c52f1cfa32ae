import { access, constants } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'

/** Whether a command can be started, so that nobody is asked to approve one that cannot. */
export const isCommandThere = async (
  name: string,
  { cwd, path, extensions }: { cwd: string; path: string | undefined; extensions?: string | undefined },
): Promise<boolean> => {
  const endings = ['', ...(extensions?.split(';') ?? [])]
  const folders = /[\\/]/.test(name) ? [cwd] : (path ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const folder of folders) {
    for (const ending of endings) {
      const file = resolve(
        cwd,
        join(resolve(cwd, folder) === folder ? folder : resolve(cwd, folder), `${name}${ending}`),
      )
      const candidate = /^([\\/]|[A-Za-z]:)/.test(name) ? `${name}${ending}` : file
      if (await isExecutable(candidate)) return true
    }
  }
  return false
}

const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
