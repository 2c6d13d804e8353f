import { Counter } from 'prom-client'
import type { EventsOptions } from './events-options.ts'

/** What a node sees of clocks, and what it does about them. */
export function clockEvents({ logger, registry }: EventsOptions) {
  const steps = new Counter({
    name: 'parley_clock_steps_total',
    help: "How often the clock of the first database went on by another span than the node's own steady clock",
    registers: [registry],
  })
  const changes = new Counter({
    name: 'parley_node_number_changes_total',
    help: 'How often the node had to go on with another number in its stamps',
    registers: [registry],
  })
  const unstamped = new Counter({
    name: 'parley_unstamped_total',
    help: 'Envelopes that were refused because this node could make no stamp for them',
    registers: [registry],
  })
  const sweeps = new Counter({
    name: 'parley_expiry_sweeps_total',
    help: 'How often this node has looked in a database for what has expired',
    registers: [registry],
  })
  const expired = new Counter({
    name: 'parley_expired_total',
    help: 'Envelopes that nobody fetched in time, ended by this node in such a look',
    registers: [registry],
  })
  return {
    /** A database was looked through, or a part of it, and so many envelopes were ended. */
    expirySwept(ended: number): void {
      sweeps.inc()
      expired.inc(ended)
    },
    /** Clocks differ: in words, each with what to do. */
    clocksDiffer(reasons: readonly string[]): void {
      logger.error({ event: 'clocksDiffer', reasons })
    },
    clocksAgree(): void {
      logger.info({ event: 'clocksAgree' })
    },
    /** PostgreSQL's clock was set, by so many ms, or this machine was suspended. */
    clockStepped(ms: number): void {
      steps.inc()
      logger.warn({ event: 'clockStepped', ms: Math.round(ms) }, "PostgreSQL's clock went on by another span than time")
    },
    nodeNumberChanged(number: number, reason: string): void {
      changes.inc()
      logger.warn({ event: 'nodeNumberChanged', number, reason })
    },
    /** An envelope got no stamp: its sender is told to come again. */
    unstamped(): void {
      unstamped.inc()
    },
    /** Nothing expires from now on, and why. */
    expiryHeld(reason: string): void {
      logger.error({ event: 'expiryHeld', reason }, 'nothing expires until this is over')
    },
    expiryResumed(): void {
      logger.info({ event: 'expiryResumed' })
    },
  }
}
