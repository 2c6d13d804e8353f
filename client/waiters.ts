interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** Promises that somebody asked for, by id. Nothing is kept of what nobody asked for. */
export class Waiters<T> {
  readonly #waiting = new Map<string, Waiter<T>[]>()
  #ended: Error | undefined

  wait(id: string): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), { resolve, reject }])
    })
  }

  resolve(id: string, value: T): void {
    for (const waiter of this.#take(id)) waiter.resolve(value)
  }

  fail(id: string, error: Error): void {
    for (const waiter of this.#take(id)) waiter.reject(error)
  }

  /** Rejects all, also those that are asked for later. */
  end(error: Error): void {
    this.#ended = error
    for (const id of this.#waiting.keys()) this.fail(id, error)
  }

  #take(id: string): readonly Waiter<T>[] {
    const waiters = this.#waiting.get(id) ?? []
    this.#waiting.delete(id)
    return waiters
  }
}
