/** A line in a chat that is no message. */
export interface Note {
  /** It stands after the message of this order. */
  readonly after: number
  readonly text: string
}

const MAX_CHATS = 200
const MAX_A_CHAT = 20

/** What happened in chats since the start, the newest of it. */
export class Notes {
  readonly #chats = new Map<number, readonly Note[]>()

  add(user: number, note: Note): void {
    const notes = this.of(user)
    this.#chats.delete(user)
    this.#chats.set(user, [...notes, note].slice(-MAX_A_CHAT))
    for (const oldest of this.#chats.keys()) {
      if (this.#chats.size <= MAX_CHATS) return
      this.#chats.delete(oldest)
    }
  }

  of(user: number): readonly Note[] {
    return this.#chats.get(user) ?? []
  }
}
