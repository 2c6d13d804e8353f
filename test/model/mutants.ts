import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Cores } from './cores.ts'

/** A textual change to one source file; the text to replace occurs in it exactly once. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SOURCES = ['src/actors', 'src/storage', 'src/shared', 'proto']

/** Loads the cores from a copy of the sources that was changed; the copy is gone when the function returns. */
export async function loadMutant(edits: readonly Edit[]): Promise<Cores> {
  const copy = mkdtempSync(join(tmpdir(), 'parley-mutant-'))
  try {
    writeFileSync(join(copy, 'package.json'), '{"type":"module"}')
    for (const source of SOURCES) cpSync(join(ROOT, source), join(copy, source), { recursive: true })
    for (const edit of edits) applyEdit(copy, edit)
    const load = (file: string): Promise<unknown> => import(pathToFileURL(join(copy, file)).href)
    const modules = await Promise.all([
      load('src/actors/conversation.ts'),
      load('src/actors/in-flight.ts'),
      load('src/actors/mailbox-state.ts'),
      load('src/actors/route.ts'),
      load('src/actors/sending.ts'),
      load('src/storage/journal-buffer.ts'),
      load('src/storage/database-clock.ts'),
      load('src/storage/message-stamps.ts'),
      load('src/actors/expiry-guard.ts'),
      load('src/actors/expiry.ts'),
      load('src/storage/mailbox-room.ts'),
    ])
    return Object.assign({}, ...modules) as Cores
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function applyEdit(copy: string, { file, from, to }: Edit): void {
  const path = join(copy, file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`)
  writeFileSync(path, parts.join(to))
}
