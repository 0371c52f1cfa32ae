import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// npm scripts run on the Node that comes as a package for this platform, through `node_modules/.bin/node`. Packages for other
// platforms claim the same name, and npm 10 removes the link together with them. This puts it back; it runs on any Node.

const path = (below) => fileURLToPath(new URL(`../node_modules/${below}`, import.meta.url))
const binary = `node-${process.platform}-${process.arch}/bin/node`
const link = path('.bin/node')

if (process.platform !== 'win32' && existsSync(path(binary)) && !existsSync(link)) {
  mkdirSync(path('.bin'), { recursive: true })
  symlinkSync(`../${binary}`, link)
}
