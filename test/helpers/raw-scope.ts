import type { ExecutionContext } from 'ava'

/** Stands in for `t` where something lives as long as its test file: the hooks of AVA know no teardown. */
export class FileScope {
  readonly #teardowns: (() => unknown)[] = []

  /** To be handed to helpers that ask for a test. */
  get t(): ExecutionContext {
    return this as unknown as ExecutionContext
  }

  teardown(end: () => unknown): void {
    this.#teardowns.push(end)
  }

  /** Ends what was started, the last one first. */
  async end(): Promise<void> {
    for (const end of this.#teardowns.splice(0).toReversed()) await end()
  }
}
