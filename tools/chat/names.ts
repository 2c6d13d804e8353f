import { readPhone } from '../../src/shared/phone-number.ts'
import { formatPhone, looksLikeNumber } from './phone.ts'
import { oneLine } from './text.ts'

const MAX_COLUMNS = 40

/** Who is meant by what was typed: one user, or the reason why not. */
export type Meant = { readonly user: number } | { readonly why: string }

/** What a person calls others. A change gives another one. */
export class Names {
  readonly #names: ReadonlyMap<number, string>

  constructor(names: Iterable<readonly [number, string]> = []) {
    this.#names = new Map(names)
  }

  get entries(): readonly (readonly [number, string])[] {
    return [...this.#names]
  }

  /** undefined: the person has given none. */
  find(user: number): string | undefined {
    return this.#names.get(user)
  }

  /** The name, or the number of somebody who has none. */
  nameOf(user: number): string {
    return this.find(user) ?? formatPhone(user)
  }

  /** Both, where there is a name. */
  fullNameOf(user: number): string {
    const name = this.find(user)
    return name === undefined ? formatPhone(user) : `${name}  ${formatPhone(user)}`
  }

  /** Who is called so, or has that number. The beginning of a name is enough where it is that of one alone. */
  resolve(typed: string): Meant {
    const user = readPhone(typed)
    if (user !== undefined) return { user }
    const wanted = fold(typed)
    const all = [...this.#names].map(([user, name]) => ({ user, name, folded: fold(name) }))
    const same = all.find(({ folded }) => folded === wanted)
    if (same !== undefined) return { user: same.user }
    const [only, ...others] = wanted === '' ? [] : all.filter(({ folded }) => folded.startsWith(wanted))
    if (only === undefined)
      return {
        why: `"${oneLine(typed, MAX_COLUMNS)}" is not a phone number, nor a name that you gave somebody: see /name`,
      }
    if (others.length === 0) return { user: only.user }
    return { why: `Which one? ${[only, ...others].map(({ name }) => name).join(', ')}` }
  }

  /** @param name - '' takes it away */
  with(user: number, name: string): Names {
    const others = [...this.#names].filter(([other]) => other !== user)
    return new Names(name === '' ? others : [...others, [user, name]])
  }

  /** Why somebody cannot be called so; undefined: they can. */
  refuse(user: number, name: string): string | undefined {
    if (name === '') return 'A name has letters that can be seen'
    if (readPhone(name) !== undefined || looksLikeNumber(name)) return 'A name must not be a number'
    const same = [...this.#names].find(([other, known]) => other !== user && fold(known) === fold(name))
    return same === undefined ? undefined : `${same[1]} is ${formatPhone(same[0])} already: choose another name`
  }
}

/** A name as it is kept and shown. */
export function tidyName(typed: string): string {
  return oneLine(typed, MAX_COLUMNS)
}

function fold(name: string): string {
  return tidyName(name).normalize('NFKC').toLowerCase()
}
