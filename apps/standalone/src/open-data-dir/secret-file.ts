import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'

/**
 * Content of a secret file, made on first use. Written whole or not at all, of mode 0600; one that others can read is
 * narrowed.
 */
export const secretFile = (path: string, make: () => string): string => {
  if (existsSync(path)) {
    chmodSync(path, 0o600)
    return readFileSync(path, 'utf8')
  }
  const content = make()
  const descriptor = openSync(`${path}.new`, 'w', 0o600)
  writeSync(descriptor, content)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(`${path}.new`, path)
  return content
}
