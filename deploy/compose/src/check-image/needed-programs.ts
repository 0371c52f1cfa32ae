import { spawnSync } from 'node:child_process'

/** Programs of Debian's packages of the same names, unless said otherwise. */
const programs: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  debootstrap: 'debootstrap',
  unshare: 'util-linux',
  ip: 'iproute2',
  tar: 'tar',
  java: 'openjdk-17-jre-headless',
  mvn: 'maven',
}

/** What keeps the image from being checked here, a sentence each; empty when nothing does. */
export const whyNot = (): readonly string[] => {
  const missing = Object.entries(programs).filter(
    ([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  )
  return [
    ...(process.platform === 'linux' ? [] : ['this is not Linux']),
    ...(process.getuid?.() === 0 ? [] : ['chroot and mounts need root']),
    ...missing.map(([program, name]) => `${program} is missing (apt-get install ${name})`),
  ]
}
