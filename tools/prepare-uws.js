/**
 * Makes the prebuilt uWebSockets.js binary load on a glibc older than 2.38 (Debian 12 has 2.36).
 *
 * The linux-x64 binary asks for GLIBC_2.38 because of three symbols only: the C23 twins of sscanf, strtol and strtoul,
 * which differ from the old ones in reading "0b…" numbers. This step points them at the old names and marks the
 * version as weak. It runs after installation, only where the binary does not load, and is plain JavaScript because
 * any Node may install.
 *
 * Layout of the tables: ELF-64 object file format; Linux Standard Base, "Symbol Versioning".
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PREFIX = '__isoc23_'
const SYMBOLS = new Set(['sscanf', 'strtol', 'strtoul'].map((name) => PREFIX + name))
const NEW_VERSION = 'GLIBC_2.38'
const OLD_VERSION = 'GLIBC_2.2.5'
const SECTION = { dynsym: 11, versionOfSymbols: 0x6fffffff, versionsNeeded: 0x6ffffffe }
const VERSION_WEAK = 2

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

function main() {
  const failure = loadFailure()
  if (failure === undefined) return
  if (process.platform !== 'linux' || process.arch !== 'x64' || !failure.includes(NEW_VERSION)) {
    fail(`uWebSockets.js does not load on this machine:\n${failure}`)
  }
  const folder = dirname(require.resolve('uWebSockets.js'))
  const file = join(folder, `uws_linux_x64_${nodeAbi()}.node`)
  if (!existsSync(file)) fail(`uWebSockets.js has no binary for this Node: ${file} is missing`)
  const binary = readFileSync(file)
  useOldSymbols(binary)
  writeFileSync(`${file}.new`, binary)
  renameSync(`${file}.new`, file)
  const still = loadFailure()
  if (still !== undefined) fail(`uWebSockets.js does not load even with its glibc symbols adapted:\n${still}`)
  console.log('uWebSockets.js: adapted to this glibc')
}

/** The Node that will run Parley: the one that package.json brings. */
function node(...args) {
  return spawnSync(join(root, 'node_modules/.bin/node'), args, { cwd: root, encoding: 'utf8' })
}

function loadFailure() {
  const run = node('-e', "require('uWebSockets.js')")
  return run.status === 0 ? undefined : run.stderr || String(run.error)
}

function nodeAbi() {
  return node('-p', 'process.versions.modules').stdout.trim()
}

function fail(message) {
  console.error(`${message}\nParley needs glibc on Linux (x64, arm64), macOS or Windows.`)
  process.exit(1)
}

/** Edits the ELF image in place. */
function useOldSymbols(elf) {
  const sections = readSections(elf)
  const dynsym = sections.find((section) => section.type === SECTION.dynsym)
  const strings = sections[dynsym.link]
  const versionOf = sections.find((section) => section.type === SECTION.versionOfSymbols)
  const needed = sections.find((section) => section.type === SECTION.versionsNeeded)
  const text = (offset) => elf.toString('latin1', strings.offset + offset, elf.indexOf(0, strings.offset + offset))

  const versions = readLibcVersions(elf, needed, text)
  const old = versions.get(OLD_VERSION)
  const recent = versions.get(NEW_VERSION)
  const symbolBytes = 24
  for (let i = 0; i * symbolBytes < dynsym.size; i++) {
    const symbol = dynsym.offset + i * symbolBytes
    const nameOffset = elf.readUInt32LE(symbol)
    if (!SYMBOLS.has(text(nameOffset))) continue
    elf.writeUInt32LE(nameOffset + PREFIX.length, symbol)
    elf.writeUInt16LE(old.index, versionOf.offset + i * 2)
  }
  elf.writeUInt16LE(elf.readUInt16LE(recent.entry + 4) | VERSION_WEAK, recent.entry + 4)
}

function readSections(elf) {
  const table = Number(elf.readBigUInt64LE(0x28))
  const entryBytes = elf.readUInt16LE(0x3a)
  return Array.from({ length: elf.readUInt16LE(0x3c) }, (_, i) => {
    const header = table + i * entryBytes
    return {
      type: elf.readUInt32LE(header + 4),
      offset: Number(elf.readBigUInt64LE(header + 0x18)),
      size: Number(elf.readBigUInt64LE(header + 0x20)),
      link: elf.readUInt32LE(header + 0x28),
    }
  })
}

/** Version name → its index in the symbol table and the place of its entry, for libc.so.6. */
function readLibcVersions(elf, needed, text) {
  const versions = new Map()
  for (let library = needed.offset; ; library += elf.readUInt32LE(library + 12)) {
    if (text(elf.readUInt32LE(library + 4)) === 'libc.so.6') {
      let entry = library + elf.readUInt32LE(library + 8)
      for (let left = elf.readUInt16LE(library + 2); left > 0; left--) {
        versions.set(text(elf.readUInt32LE(entry + 8)), { entry, index: elf.readUInt16LE(entry + 6) })
        entry += elf.readUInt32LE(entry + 12)
      }
    }
    if (elf.readUInt32LE(library + 12) === 0) return versions
  }
}

main()
