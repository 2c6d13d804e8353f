import type { Target } from './target.ts'

/** What an attacker may cost, at most. What only a clock can tell is judged by `npm run hostile` and by no test. */
export interface Budget {
  /** The slowest answer of `/livez` and of `/readyz`, in ms. */
  readonly healthMs: number
  /** ✓ of those who stand by, in ms: 99 of 100 come within it. */
  readonly acceptedP99Ms: number
  /** What V8 has in use. */
  readonly heapMiB: number
  /** Bytes by which the databases grow for each byte that the attacker sent. */
  readonly databaseRatio: number
  /** Bytes that the attacker was answered for each that it sent. */
  readonly answerRatio: number
}

/** One client that means harm, as a program. */
export interface Attacker {
  readonly name: string
  /** What it does, in one sentence. */
  readonly about: string
  readonly budget: Budget
  /** Registered users that it has, and how many devices each of them. It is given the tokens of their primaries. */
  readonly accounts: number
  readonly devices: number
  /** How its first attempts are refused already, in one of these ways; none: what it does is allowed until it is too much. */
  readonly refusedBy: readonly string[]
  /** Attacks until the signal comes, or it has nothing left to do. */
  run(target: Target, signal: AbortSignal): Promise<void>
}

export const usualBudget: Budget = {
  healthMs: 1_000,
  acceptedP99Ms: 250,
  heapMiB: 240,
  databaseRatio: 4,
  answerRatio: 4,
}

/** An attacker with the usual budget, but for what it names itself. */
export function attacker(
  options: Pick<Attacker, 'name' | 'about' | 'run'> &
    Partial<Pick<Attacker, 'accounts' | 'devices' | 'refusedBy'>> & { readonly budget?: Partial<Budget> },
): Attacker {
  return { accounts: 1, devices: 1, refusedBy: [], ...options, budget: { ...usualBudget, ...options.budget } }
}
