type Listener<Payload> = (payload: Payload) => void

/**
 * Typed events. A listener that throws stops neither the other listeners nor the caller: its error surfaces as an
 * uncaught one.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Calls the listener at every such event, until the returned function is called. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    const entry: Listener<never> = (payload: Events[Name]) => listener(payload)
    listeners.add(entry)
    return () => {
      listeners.delete(entry)
    }
  }

  protected emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    for (const listener of Array.from(this.#listeners.get(name) ?? [])) {
      try {
        ;(listener as Listener<Events[Name]>)(payload)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
