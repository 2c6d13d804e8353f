import type { Teardown } from './database.ts'

/** Takes the place of a test where something lives as long as its file: the hooks of AVA know no teardown. */
export class FileScope implements Teardown {
  readonly #undo: (() => unknown)[] = []

  teardown(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** Ends what was started, the last one first. */
  async end(): Promise<void> {
    for (const undo of this.#undo.splice(0).toReversed()) await undo()
  }
}
