import { runProgram } from './run-program.ts'

/** A program that the packages of the system bring. */
export interface SystemProgram {
  readonly name: string
  readonly purpose: string
  /** As it may be called, the usual name first. */
  readonly programs: readonly string[]
  /** Of Debian and Ubuntu. */
  readonly package: string
}

export const SYSTEM_PROGRAMS: readonly SystemProgram[] = [
  { name: 'haproxy', purpose: 'load balancer of the cluster', programs: ['haproxy'], package: 'haproxy' },
  { name: 'nginx', purpose: 'edge cache for media', programs: ['nginx'], package: 'nginx' },
  { name: 'faketime', purpose: 'nodes with wrong clocks in tests', programs: ['faketime'], package: 'faketime' },
  { name: 'script', purpose: 'tests in a terminal', programs: ['script'], package: 'bsdutils' },
  {
    name: 'chromium',
    purpose: 'tests in a browser',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    package: 'chromium',
  },
]

/** Says how to get the packages by hand, or undefined when they can be installed here. */
export function adviseInstall(packages: readonly string[], isRoot: boolean, hasApt: boolean): string | undefined {
  if (isRoot && hasApt) return undefined
  if (hasApt) return `sudo apt-get install ${packages.join(' ')}`
  return `install ${packages.join(', ')} with the package manager of this system`
}

/** Installs packages by apt-get. @returns its last words when that failed */
export async function aptInstall(packages: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const update = await runProgram('apt-get', ['update'], { env })
  const options = ['install', '--yes', '--no-install-recommends']
  const install = await runProgram('apt-get', [...options, ...packages], { env })
  if (install.code === 0) return undefined
  return (update.code === 0 ? install.stderr : `${update.stderr}\n${install.stderr}`).trim()
}
