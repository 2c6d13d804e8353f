import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { BuildLine } from './build-line.ts'
import { BuildError, GoTools } from './go-tools.ts'
import { findProgram, programFolders, TOOLS_FOLDER } from './find-program.ts'
import { type Pin, readPins } from './pins.ts'
import { adviseInstall, aptInstall, SYSTEM_PROGRAMS, type SystemProgram } from './system-programs.ts'
import { runProgram } from './run-program.ts'

/** Caddy has a module of its own: what it needs would move what the others need. */
const GO_MODS = ['../go.mod', '../caddy/go.mod'].map((file) => fileURLToPath(new URL(file, import.meta.url)))
/** Where Go's own archive puts it. */
const GO_FOLDER = '/usr/local/go/bin'
const NAME_WIDTH = 12

const program = new Command('npm run tools --')
  .description(
    'Gets the programs that the cluster and its tests run: nats-server, nats, minio, k6 and caddy, pinned in go.mod ' +
      'files and built by Go into .tools/; and says what haproxy, nginx, faketime, script and chromium need.',
  )
  .argument('[names...]', 'only these (default: all)')
  .option('--install', 'install missing packages of the system through apt-get')
  .addHelpText('after', '\nA program on the PATH that has the pinned version is linked instead of built.')
  .action(run)

async function run(names: readonly string[], { install = false }: { install?: boolean }): Promise<void> {
  const modules = await Promise.all(
    GO_MODS.map(async (goMod) => ({ goMod, pins: readPins(await readFile(goMod, 'utf8')) })),
  )
  const all = [...modules.flatMap(({ pins }) => pins), ...SYSTEM_PROGRAMS].map(({ name }) => name)
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`There is no tool ${unknown.join(', ')}: there are ${all.join(', ')}`)
  const asked = ({ name }: { readonly name: string }): boolean => names.length === 0 || names.includes(name)
  let goGood = true
  for (const { goMod, pins } of modules) goGood = (await getPinned(goMod, pins.filter(asked))) && goGood
  const systemGood = await checkSystem(SYSTEM_PROGRAMS.filter(asked), install)
  // Unless they were named or are to be installed, the system's programs are only a hint.
  const good = goGood && (systemGood || (names.length === 0 && !install))
  process.exitCode = good ? 0 : 1
}

async function getPinned(goMod: string, pins: readonly Pin[]): Promise<boolean> {
  const tools = new GoTools(TOOLS_FOLDER, goMod, [...programFolders().slice(1), GO_FOLDER])
  let good = true
  for (const pin of pins) {
    const startedAt = performance.now()
    const line = new BuildLine(`${pin.name} ${pin.version}`, process.stderr.isTTY)
    try {
      const { how, path } = await tools.get(pin, line)
      line.stop()
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      const what = { there: 'is there', linked: `is linked to ${path}`, built: `was built in ${seconds} s` }[how]
      say(pin.name, `${pin.version} ${what}`)
    } catch (error) {
      line.stop()
      if (!(error instanceof BuildError)) throw error
      process.stderr.write(`${error.message}\n`)
      good = false
    }
  }
  return good
}

/** @returns whether all are there in the end */
async function checkSystem(programs: readonly SystemProgram[], install: boolean): Promise<boolean> {
  const find = (one: SystemProgram): string | undefined => findProgram(one.programs)
  const missing = programs.filter((one) => find(one) === undefined)
  const packages = missing.map((one) => one.package)
  const hasApt = missing.length > 0 && (await runProgram('apt-get', ['--version'])).code === 0
  const byHand = adviseInstall(packages, process.getuid?.() === 0, hasApt)
  if (install && missing.length > 0 && byHand === undefined) {
    process.stdout.write(`Installing ${packages.join(', ')}…\n`)
    const failure = await aptInstall(packages)
    if (failure !== undefined) process.stderr.write(`apt-get failed:\n${failure}\n`)
  }
  for (const one of programs) {
    const path = find(one)
    say(one.name, path === undefined ? `is missing (${one.purpose})` : `is there: ${path}`)
  }
  const still = programs.filter((one) => find(one) === undefined)
  if (still.length === 0) return true
  const again = `npm run tools -- --install ${still.map(({ name }) => name).join(' ')}`
  process.stdout.write(`To have what is missing: ${byHand ?? again}\n`)
  return false
}

function say(name: string, what: string): void {
  process.stdout.write(`${name.padEnd(NAME_WIDTH)} ${what}\n`)
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
