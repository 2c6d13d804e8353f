import type { UserId } from '../shared/ids.ts'

export const SLOTS = 1_024

/** The slot of a user: stable for ever, since rows lie where it says. The finalizer of MurmurHash3 over both halves. */
export function slotOf(user: UserId): number {
  const high = Math.floor(user / 0x1_0000_0000)
  return mix(mix(user >>> 0) ^ high) & (SLOTS - 1)
}

function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Which database holds the data of which user: an even, contiguous split of the slots. */
export class Shards<Database> {
  readonly all: readonly Database[]

  constructor(databases: readonly Database[]) {
    this.all = databases
  }

  of(user: UserId): Database {
    return this.all[this.indexOf(user)] as Database
  }

  /** The place of the user's database in `all`. */
  indexOf(user: UserId): number {
    return Math.floor((slotOf(user) * this.all.length) / SLOTS)
  }
}
