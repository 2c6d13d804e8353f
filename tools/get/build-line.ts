import { SingleBar } from 'cli-progress'
import type { BuildProgress } from './go-tools.ts'

/** Shows how a build goes on: a bar in a terminal, nothing elsewhere. */
export class BuildLine implements BuildProgress {
  readonly #title: string
  readonly #bar: SingleBar | undefined
  #started = false

  constructor(title: string, isTerminal: boolean) {
    this.#title = title
    const format = '  {title} {bar} {value}/{total} {what}'
    this.#bar = isTerminal ? new SingleBar({ format, barsize: 24, hideCursor: true, clearOnComplete: true }) : undefined
  }

  downloaded(modules: number): void {
    this.#show(modules, modules, 'modules downloaded')
  }

  compiled(packages: number, total: number): void {
    // The last step, linking, belongs to no package.
    this.#show(packages, total + 1, 'packages compiled')
  }

  /** Removes the bar. */
  stop(): void {
    this.#bar?.stop()
  }

  #show(value: number, total: number, what: string): void {
    if (this.#started) {
      this.#bar?.setTotal(total)
      this.#bar?.update(value, { what })
    } else this.#bar?.start(total, value, { title: this.#title, what })
    this.#started = true
  }
}
