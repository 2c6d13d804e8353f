/** What a search came upon. */
export interface Finding {
  readonly secret: string
  /** How it was written. */
  readonly form: string
}

interface Pattern extends Finding {
  readonly bytes: Buffer
}

/** Of the first bytes of a pattern, which lead to it. */
const HEAD_BYTES = 4
const TABLE_BITS = 22
/** Most of a database's files is nothing yet, and is passed over in such pieces. */
const NOTHING = Buffer.alloc(4_096)

/**
 * Looks for secrets in bytes of any kind, many at a time, in every form in which a program might have written them down:
 * as they are, in hexadecimal digits, in base64 at any place of a longer value, as lists of numbers, and texts in UTF-16.
 */
export class SecretFinder {
  readonly #byHead = new Map<number, Pattern[]>()
  /** Whether any pattern may begin with a head: most bytes are passed over by it. */
  readonly #table = new Uint8Array(2 ** TABLE_BITS)
  #secrets = 0

  /** How many secrets are looked for. */
  get size(): number {
    return this.#secrets
  }

  addText(name: string, text: string): void {
    for (const encoding of ['utf8', 'utf16le'] as const) this.#add(name, encoding, Buffer.from(text, encoding))
    this.#add(name, 'utf16be', Buffer.from(text, 'utf16le').swap16())
    this.#secrets++
  }

  addBytes(name: string, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes)
    this.#add(name, 'bytes', buffer)
    this.#put({ secret: name, form: 'list', bytes: Buffer.from(bytes.join(',')) })
    const fields = [...bytes.entries()].map(([i, byte]) => `"${i}":${byte}`)
    this.#put({ secret: name, form: 'fields', bytes: Buffer.from(fields.join(',')) })
    this.#secrets++
  }

  /** What of them is in these bytes, each once. */
  search(bytes: Uint8Array): Finding[] {
    const found = new Map<string, Finding>()
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const mayBeginWithNothing = this.#table[slotOf(0)] !== 0
    let head = 0
    for (let at = 0; at < buffer.length; at++) {
      if (head === 0 && !mayBeginWithNothing && at % NOTHING.length === 0) {
        while (isNothing(buffer, at)) at += NOTHING.length
      }
      head = ((head << 8) | buffer[at]!) >>> 0
      if (at < HEAD_BYTES - 1 || this.#table[slotOf(head)] === 0) continue
      for (const { secret, form, bytes: wanted } of this.#byHead.get(head) ?? []) {
        const start = at - HEAD_BYTES + 1
        if (buffer.compare(wanted, 0, wanted.length, start, Math.min(start + wanted.length, buffer.length)) === 0)
          found.set(`${secret} ${form}`, { secret, form })
      }
    }
    return [...found.values()]
  }

  /** Every form of every secret, as it would stand among other bytes. */
  *forms(): Generator<Finding & { readonly bytes: Uint8Array }> {
    for (const patterns of this.#byHead.values()) yield* patterns
  }

  #add(secret: string, kind: string, bytes: Buffer): void {
    this.#put({ secret, form: kind, bytes })
    const digits = bytes.toString('hex')
    this.#put({ secret, form: `${kind} in hex`, bytes: Buffer.from(digits) })
    this.#put({ secret, form: `${kind} in HEX`, bytes: Buffer.from(digits.toUpperCase()) })
    for (let before = 0; before < 3; before++) {
      const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
      // Only the digits that no neighbour has a part in.
      const whole = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
      this.#put({ secret, form: `${kind} in base64`, bytes: Buffer.from(whole) })
      const urlSafe = whole.replaceAll('+', '-').replaceAll('/', '_')
      if (urlSafe !== whole) this.#put({ secret, form: `${kind} in base64url`, bytes: Buffer.from(urlSafe) })
    }
  }

  #put(pattern: Pattern): void {
    const head = pattern.bytes.readUInt32BE(0)
    this.#table[slotOf(head)] = 1
    const patterns = this.#byHead.get(head) ?? []
    this.#byHead.set(head, patterns)
    patterns.push(pattern)
  }
}

function isNothing(buffer: Buffer, at: number): boolean {
  const end = at + NOTHING.length
  return end <= buffer.length && buffer.compare(NOTHING, 0, NOTHING.length, at, end) === 0
}

function slotOf(head: number): number {
  return Math.imul(head, 0x9e37_79b1) >>> (32 - TABLE_BITS)
}
