import { createAccounts } from '../../helpers/raw-accounts.ts'
import { Random } from '../../model/random.ts'
import type { Arena } from '../arena.ts'
import { readMetrics } from '../samples.ts'
import { play } from './play.ts'
import type { Stage } from './play.ts'
import type { OpenApi } from './draw-request.ts'
import { drawSequence } from './step.ts'
import type { Step } from './step.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly sequences: number
  /** Steps of a sequence. */
  readonly steps: number
  /** Hears of each before it is shortened. */
  readonly onFinding?: (finding: FuzzFinding) => void
}

/** What went wrong, and the shortest sequence that was found to show it. */
export interface FuzzFinding {
  readonly seed: number
  readonly what: string
  readonly steps: readonly Step[]
}

export interface FuzzResult {
  readonly findings: readonly FuzzFinding[]
  readonly sequences: number
  readonly sentBytes: number
  readonly answeredBytes: number
  /** By which the database grew. */
  readonly databaseBytes: number
  readonly heapMiB: number
  /** Of the node. */
  readonly cpuSeconds: number
  readonly longestDelayMs: number
  /** The sequences that cost the most for each byte sent, with their seeds: CPU in ns, and growth of the database in bytes. */
  readonly worstCpu: Worst
  readonly worstDatabase: Worst
}

export interface Worst {
  readonly seed: number
  readonly perByte: number
}

const MiB = 1_048_576
const USERS = 5
/** One of them has as many devices as there may be. */
const DEVICES = 8
/** Below it a sequence says nothing about a byte. */
const NOTABLE_BYTES = 64 * 1_024
const SHRINK_TRIES = 40
/** Faults of the server that its log tells. */
const FAULT = /"event":"(fault|httpFault|taskFailed|hostedRecordDamaged)"[^\n]*/

/** Plays random sequences against an arena of one node, and looks for what no client may ever bring about. */
export async function fuzz(arena: Arena, { seed, sequences, steps, onFinding }: FuzzOptions): Promise<FuzzResult> {
  const [node] = arena.nodes
  if (node === undefined) throw new RangeError('There is no node')
  const openApi = (await (await fetch(`${node.url}/openapi.json`)).json()) as OpenApi
  let plays = 0
  const stageOf = async (): Promise<Stage> => {
    const devices = [
      ...(await createAccounts(arena.databaseUrl, USERS - 1)),
      ...(await createAccounts(arena.databaseUrl, 1, DEVICES)),
    ]
    // Every play has addresses of its own, so that what the one before used up is not missing.
    return { url: arena.url, openApi, network: `127.${100 + (plays >> 8)}.${plays++ & 255}`, devices }
  }
  const logged = { length: 0 }
  const attempt = async (
    sequence: readonly Step[],
  ): Promise<{ sent: number; answered: number; what: string | undefined }> => {
    const { tally, unanswered } = await play(sequence, await stageOf())
    const { answers, sentBytes: sent, answeredBytes: answered } = tally.counts
    const log = await node.readLog()
    const fault = FAULT.exec(log.slice(logged.length))?.[0]
    logged.length = log.length
    const died = (await arena.restart()).length > 0
    if (died) logged.length = 0
    const odd = Object.keys(answers).find((name) => /^500 [GPD]|^unanswered|close 4000|INTERNAL/.test(name))
    const silent = unanswered.length > 0 ? 'a session is not answered' : undefined
    return { sent, answered, what: died ? 'the node died' : (odd ?? fault ?? silent) }
  }

  const findings: FuzzFinding[] = []
  const random = new Random(seed)
  const emptyBytes = await arena.databaseBytes()
  const total = { sent: 0, answered: 0 }
  let [heapMiB, longestDelayMs, cpuSeconds] = [0, 0, 0]
  let worstCpu: Worst = { seed: 0, perByte: 0 }
  let worstDatabase: Worst = { seed: 0, perByte: 0 }
  for (let i = 0; i < sequences; i++) {
    const own = random.int(2 ** 31)
    const sequence = drawSequence(new Random(own), steps, USERS)
    const before = await readMetrics(node)
    const bytesBefore = await arena.databaseBytes()
    const { sent, answered, what } = await attempt(sequence)
    total.sent += sent
    total.answered += answered
    const after = await readMetrics(node)
    // A node that was started again counts from 0.
    const cpu = Math.max(0, after.cpuSeconds - before.cpuSeconds)
    cpuSeconds += cpu
    heapMiB = Math.max(heapMiB, after.heapBytes / MiB)
    longestDelayMs = Math.max(longestDelayMs, after.loopDelayMs)
    if (sent > NOTABLE_BYTES) {
      worstCpu = worse(worstCpu, own, (cpu * 1e9) / sent)
      worstDatabase = worse(worstDatabase, own, ((await arena.databaseBytes()) - bytesBefore) / sent)
    }
    if (what === undefined) continue
    onFinding?.({ seed: own, what, steps: sequence })
    const shorter = await shrink(sequence, async (some) => kindOf((await attempt(some)).what) === kindOf(what))
    findings.push({ seed: own, what, steps: shorter })
  }
  return {
    findings,
    sequences,
    sentBytes: total.sent,
    answeredBytes: total.answered,
    databaseBytes: (await arena.databaseBytes()) - emptyBytes,
    heapMiB,
    cpuSeconds,
    longestDelayMs,
    worstCpu,
    worstDatabase,
  }
}

/** Leaves out halves, quarters and so on, as long as the same goes wrong. */
async function shrink(
  steps: readonly Step[],
  fails: (some: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let best = steps
  let tries = SHRINK_TRIES
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let i = 0; i < best.length && tries > 0; tries--) {
      const some = [...best.slice(0, i), ...best.slice(i + size)]
      if (await fails(some)) best = some
      else i += size
    }
  }
  return best
}

/** The same fault may name other times and numbers. */
function kindOf(what: string | undefined): string | undefined {
  return what?.replaceAll(/\d+/g, '#').slice(0, 60)
}

function worse(worst: Worst, seed: number, perByte: number): Worst {
  return perByte > worst.perByte ? { seed, perByte } : worst
}
