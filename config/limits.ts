/** A token bucket: `burst` at once, refilled with `perSecond`. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

const HOUR = 3_600
const DAY = 24 * HOUR

/**
 * The named buckets. What each is counted by stands beside it. An address counts by its prefixes: IPv4 whole, IPv6 by /64,
 * and with 4 and 16 times the budget by /56 and /48. Those marked * are counted in PostgreSQL, for all nodes together.
 */
export const defaultLimits = {
  /** * Codes sent, by phone number: past it who asks shares the newest code, or waits. */
  registrationPerPhone: { burst: 10, perSecond: 24 / DAY },
  /** * Codes asked for, by phone number and network (IPv4 or /48): one network leaves the others their share. */
  registrationPerPhoneAndAddress: { burst: 6, perSecond: 12 / DAY },
  /** * Codes asked for, by network address. */
  registrationPerAddress: { burst: 100, perSecond: 0.2 },
  /** * Askings with tries of their own, by phone number: it bounds guessing. */
  askingsPerPhone: { burst: 20, perSecond: 30 / DAY },
  /** * Codes tried without a session, by phone number. */
  verifyPerPhone: { burst: 10, perSecond: 20 / DAY },
  /** * Codes tried without a session, or with a wrong one, by network address. */
  verifyPerAddress: { burst: 200, perSecond: 1 },
  /** * Wrong registration PINs, by phone number. */
  pinPerPhone: { burst: 20, perSecond: 20 / DAY },
  /** * Wrong registration PINs, by phone number and network (IPv4 or /48). */
  pinPerPhoneAndAddress: { burst: 5, perSecond: 10 / DAY },
  /** * Codes sent, by country calling code: text messages cost money. */
  codesPerCountry: { burst: 1_000, perSecond: 1_000 / HOUR },
  /** * Codes sent, in all. */
  codesInAll: { burst: 5_000, perSecond: 5_000 / HOUR },
  /** * Questions that tell whether a number is registered, by user: all devices and all ways of asking together. */
  lookups: { burst: 15_000, perSecond: 5_000 / DAY },
  /** WebSocket connections opened, by network address. */
  connectPerAddress: { burst: 10_000, perSecond: 1_000 },
  /** Sessions opened, by device. */
  connect: { burst: 60, perSecond: 0.5 },
  /** Frames of every kind, by device: all but new acknowledgements. As many again may be owed before it is closed. */
  frames: { burst: 10_000, perSecond: 1_000 },
  /** Bytes of WebSocket messages received, by device. As many again may be owed before it is closed. */
  bytesIn: { burst: 12_582_912, perSecond: 1_048_576 },
  /**
   * The same, by network address. While it owes anything, those of its devices go on that have used little of their own
   * `bytesIn`; the others are closed, and then owe as much as they may.
   */
  bytesInPerAddress: { burst: 16_777_216, perSecond: 16_777_216 },
  /** Envelopes sent that are no receipts, by device. */
  send: { burst: 1_000, perSecond: 200 },
  /** Bytes of READ and PLAYED, by device, as rows of each device that gets them: who reads all at once needs some 100 KiB. */
  receiptBytes: { burst: 1_048_576, perSecond: 32_768 },
  /** Bytes of what is sent, receipts aside, by device: each copy counts with its row. */
  sendBytes: { burst: 8_388_608, perSecond: 262_144 },
  /** Signals sent, by device. */
  signal: { burst: 100, perSecond: 20 },
  /** Users named in `watch` and `unwatch`, by device: a new one costs a look-up and a question to other nodes. */
  watch: { burst: 3_000, perSecond: 50 },
  /** HTTP requests, by user. */
  http: { burst: 500, perSecond: 100 },
  /** HTTP requests without a good token, by address prefix. */
  anonymous: { burst: 500, perSecond: 100 },
  /** Bytes of JSON bodies, by user or, without a good token, address prefix: to read 256 KiB of it costs up to 30 ms. */
  bodyBytes: { burst: 8_388_608, perSecond: 524_288 },
  /** Pre-keys taken, by the pair of the taking device and the one they are of: on all nodes together. */
  preKeys: { burst: 6, perSecond: 6 / 600 },
  /** One-time pre-keys taken by those whom the user does not know, by device: past it none are given, on all nodes. */
  preKeysPerTarget: { burst: 200, perSecond: 200 / 86_400 },
  /** Keys supplied, by device. */
  keys: { burst: 20, perSecond: 1 / 30 },
  /** Questions whether identities have changed, by user. */
  identityCheck: { burst: 100, perSecond: 100 / 60 },
  /** Device lists, places for new devices and claims of them, by user. */
  devices: { burst: 12, perSecond: 6 / 120 },
  /** Contacts replaced, by user: each of thousands of numbers is checked. */
  contacts: { burst: 20, perSecond: 0.2 },
  /** Meetings of a new device with its primary and what they say there, by address prefix. */
  link: { burst: 200, perSecond: 2 },
  /** Backups stored and fetched, by user. */
  backup: { burst: 10, perSecond: 1 / 60 },
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof defaultLimits

export type Limits = Readonly<Record<LimitName, Limit>>
