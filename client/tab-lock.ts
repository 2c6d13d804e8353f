/// <reference lib="dom" />

/** How often a tab that wants the lock asks for it. */
const ASK_EVERY_MS = 250
/** A tab that does not let go by then is frozen, or hangs. */
const STEAL_AFTER_MS = 5_000

/** A lock that one tab of a browser holds for as long as it lives, or until another tab asks for it. */
export class TabLock {
  readonly #channel: BroadcastChannel
  #release: (() => void) | undefined
  #lost: Promise<unknown> = Promise.resolve()

  private constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
  }

  /**
   * @param takeOver - asks the tab that has it to let go, and takes it by force from one that does not answer
   * @returns undefined when another tab has it, and it is not to be taken over
   */
  static async acquire(name: string, takeOver: boolean): Promise<TabLock | undefined> {
    const lock = new TabLock(name)
    const acquired = takeOver ? await lock.#takeOver(name) : await lock.#request(name, { ifAvailable: true })
    if (acquired) return lock
    lock.#channel.close()
    return undefined
  }

  /** Calls back once when another tab wants the lock, or has taken it by force. */
  whenWanted(wanted: () => void): void {
    let told = false
    const tell = (): void => {
      if (told || this.#release === undefined) return
      told = true
      wanted()
    }
    this.#channel.addEventListener('message', tell)
    this.#lost.catch(tell)
  }

  release(): void {
    this.#channel.close()
    this.#release?.()
    this.#release = undefined
  }

  async #takeOver(name: string): Promise<boolean> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no such argument
    const ask = (): void => this.#channel.postMessage('wanted')
    ask()
    const asking = setInterval(ask, ASK_EVERY_MS)
    try {
      return await this.#request(name, { signal: AbortSignal.timeout(STEAL_AFTER_MS) })
    } catch (error) {
      if ((error as Error).name !== 'TimeoutError') throw error
      return await this.#request(name, { steal: true })
    } finally {
      clearInterval(asking)
    }
  }

  /** Resolves when the lock is held or not available; it is then held until {@link release}. */
  #request(name: string, options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const held = navigator.locks.request(name, options, (lock) => {
        resolve(lock !== null)
        if (lock === null) return undefined
        return new Promise<void>((release) => {
          this.#release = release
        })
      })
      held.catch(reject)
      this.#lost = held
    })
  }
}
