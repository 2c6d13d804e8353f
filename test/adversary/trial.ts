import { setTimeout as delay } from 'node:timers/promises'
import { createAccounts } from '../helpers/raw-accounts.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import type { Arena } from './arena.ts'
import { AttackProcess } from './attack-process.ts'
import type { Attacker } from './attacker.ts'
import { Bystanders } from './bystanders.ts'
import type { BystandersResult } from './bystanders.ts'
import { watchArena } from './samples.ts'
import type { Samples } from './samples.ts'
import type { TallyCounts } from './tally.ts'

export interface Outcome {
  readonly attacker: Attacker
  readonly counts: TallyCounts
  readonly samples: Samples
  readonly bystanders: BystandersResult
  readonly databaseBytes: number
  /** The last words of the nodes that ended by themselves, and were started again. */
  readonly died: readonly string[]
  /** The nodes did not become well again: nobody else can be tried on them. */
  readonly wrecked: boolean
}

/** After an attack, for everything to come to rest. */
const PATIENCE_MS = 30_000
const LOOK_MS = 200
let trials = 0

/** Lets one attacker attack for so long, while others want to talk. */
export async function tryAttacker(arena: Arena, attacker: Attacker, seconds: number, seed: number): Promise<Outcome> {
  const accounts = await createAccounts(arena.databaseUrl, attacker.accounts, attacker.devices)
  const process = await AttackProcess.start(arena.sms)
  const bystanders = await Bystanders.gather(arena)
  const bytesBefore = await arena.databaseBytes()
  const watched = new AbortController()
  const watching = watchArena(arena, watched.signal)
  // An address of its own, so that what one attacker used up is not held against the next.
  const number = trials++
  const network = `127.${16 + (number >> 8)}.${number & 255}`
  const nodeUrls = arena.nodes.map(({ url }) => url)
  const attack = process.run(attacker, { url: arena.url, nodeUrls, network, accounts, seed }, seconds)
  const over = new AbortController()
  const keeping = keepRunning(arena, over.signal)
  const third = (seconds * 1_000) / 3
  await delay(third)
  bystanders.newcomer()
  await delay(third)
  bystanders.comeBack()
  const counts = await attack
  watched.abort()
  const samples = await watching
  const result = await bystanders.finish(PATIENCE_MS)
  const databaseBytes = (await arena.databaseBytes()) - bytesBefore
  const wrecked = await waitUntil('the nodes are well again', () => isWell(arena), PATIENCE_MS).then(
    () => false,
    () => true,
  )
  over.abort()
  return { attacker, counts, samples, bystanders: result, databaseBytes, died: await keeping, wrecked }
}

/** Starts nodes again that end, as a supervisor would. @returns the last words of those that ended */
async function keepRunning(arena: Arena, signal: AbortSignal): Promise<readonly string[]> {
  const died: string[] = []
  while (!signal.aborted) {
    // One that does not start within its time is seen again.
    died.push(...(await arena.restart().catch((error: unknown) => [String(error)])))
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
  return died
}

async function isWell({ nodes }: Arena): Promise<boolean> {
  const answers = nodes.map(({ url }) =>
    fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return (await Promise.all(answers)).every(Boolean)
}
