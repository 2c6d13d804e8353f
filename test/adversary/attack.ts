/** One attacker, in a process of its own: what it costs itself is not to be mistaken for what it costs the server. */
import { attackers } from './attackers/index.ts'
import { Tally } from './tally.ts'
import type { TallyCounts } from './tally.ts'
import { Target } from './target.ts'
import type { Mark } from './target.ts'

/** What it is told: whom to attack, then to end; and the codes that it asked for. */
export type ToAttack =
  | { readonly type: 'attack'; readonly name: string; readonly mark: Mark }
  | { readonly type: 'end' }
  | { readonly type: 'code'; readonly phone: string; readonly code: string | undefined }

/** What it says. */
export type FromAttack =
  { readonly type: 'code'; readonly phone: string } | { readonly type: 'counts'; readonly counts: TallyCounts }

const COUNTS_MS = 250
/** So long an attacker may take to end. */
const END_MS = 2_000

const tally = new Tally()
const over = new AbortController()
const codes = new Map<string, (code: string | undefined) => void>()
const say = (message: FromAttack): void => void process.send?.(message)

process.on('message', (message: ToAttack) => {
  if (message.type === 'attack') void attack(message.name, message.mark)
  else if (message.type === 'end') over.abort()
  else codes.get(message.phone)?.(message.code)
})
// Nobody would end it any more.
process.once('disconnect', () => process.exit(1))
setInterval(() => say({ type: 'counts', counts: tally.counts }), COUNTS_MS)

async function attack(name: string, mark: Mark): Promise<void> {
  const attacker = attackers.find((one) => one.name === name)
  if (attacker === undefined) throw new RangeError(`There is no attacker ${name}`)
  const ended = attacker.run(new Target(mark, tally, codeFor), over.signal).catch((error: unknown) => {
    tally.answer(`the attacker failed: ${error instanceof Error ? error.message : String(error)}`)
  })
  const late = new Promise<void>((resolve) => {
    over.signal.addEventListener('abort', () => setTimeout(resolve, END_MS))
  })
  await Promise.race([ended, late])
  process.send?.({ type: 'counts', counts: tally.counts } satisfies FromAttack, () => process.exit(0))
}

async function codeFor(phone: string): Promise<string> {
  say({ type: 'code', phone })
  const code = await new Promise<string | undefined>((resolve) => {
    codes.set(phone, resolve)
  })
  if (code === undefined) throw new Error('no text message came')
  return code
}
