import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Cores } from './cores.ts'

/** A textual change to one source file; the text to replace occurs in it exactly once. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

const ROOT = new URL('../../', import.meta.url)
const MUTANT = 'mutant'

/** What the files of mutants say, by their URLs; the other files of a mutant say what they say. */
const sources = new Map<string, string>()
let mutants = 0

// Every file that a file of a mutant imports belongs to that mutant too.
registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    const mutant = context.parentURL?.startsWith(ROOT.href) && new URL(context.parentURL).searchParams.get(MUTANT)
    const isOwn = resolved.url.startsWith(ROOT.href) && !resolved.url.includes('/node_modules/')
    return mutant && isOwn ? { ...resolved, url: urlIn(mutant, resolved.url) } : resolved
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const source = sources.get(url)
    return source === undefined ? loaded : { ...loaded, source }
  },
})

/** Loads the cores once more, from sources that are changed as they are read. */
export async function loadMutant(edits: readonly Edit[]): Promise<Cores> {
  const mutant = String(++mutants)
  for (const edit of edits) applyEdit(mutant, edit)
  const load = (file: string): Promise<unknown> => import(urlIn(mutant, new URL(file, ROOT).href))
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
}

function urlIn(mutant: string, url: string): string {
  return `${url}?${MUTANT}=${mutant}`
}

function applyEdit(mutant: string, { file, from, to }: Edit): void {
  const url = new URL(file, ROOT)
  const key = urlIn(mutant, url.href)
  const parts = (sources.get(key) ?? readFileSync(fileURLToPath(url), 'utf8')).split(from)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`)
  sources.set(key, parts.join(to))
}
