/** A token bucket: `burst` at once, refilled with `perSecond`. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

/** The named buckets. What each is counted by stands beside it. */
export const defaultLimits = {
  /** Codes asked for, by phone number. */
  registrationPerPhone: { burst: 5, perSecond: 1 / 300 },
  /** Codes asked for, by network address. */
  registrationPerAddress: { burst: 100, perSecond: 0.2 },
  /** Codes tried, by phone number: on top of the five tries of each code. */
  verifyPerPhone: { burst: 10, perSecond: 1 / 60 },
  /** Codes tried, by network address. */
  verifyPerAddress: { burst: 200, perSecond: 1 },
  /** WebSocket connections opened, by network address: a load balancer's counts as one. */
  connectPerAddress: { burst: 10_000, perSecond: 1_000 },
  /** Envelopes sent, by device. */
  send: { burst: 1_000, perSecond: 200 },
  /** Signals sent, by device. */
  signal: { burst: 100, perSecond: 20 },
  /** Users newly watched, by device: each costs a look-up and a question to other nodes. */
  watch: { burst: 3_000, perSecond: 50 },
  /** HTTP requests, by user. */
  http: { burst: 500, perSecond: 100 },
  /** HTTP requests without a good token, by address prefix. */
  anonymous: { burst: 500, perSecond: 100 },
  /** Pre-keys taken, by the pair of the taking device and the one they are of: on all nodes together. */
  preKeys: { burst: 6, perSecond: 6 / 600 },
  /** One-time pre-keys taken by those whom the user does not know, by device: past it none are given, on all nodes. */
  preKeysPerTarget: { burst: 200, perSecond: 200 / 86_400 },
  /** Keys supplied, by device. */
  keys: { burst: 20, perSecond: 1 / 30 },
  /** Questions whether identities have changed, by network address. */
  identityCheck: { burst: 100, perSecond: 100 / 60 },
  /** Device lists, places for new devices and claims of them, by user. */
  devices: { burst: 12, perSecond: 6 / 120 },
  /** Meetings of a new device with its primary and what they say there, by address prefix. */
  link: { burst: 200, perSecond: 2 },
  /** Backups stored and fetched, by user. */
  backup: { burst: 10, perSecond: 1 / 60 },
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof defaultLimits

export type Limits = Readonly<Record<LimitName, Limit>>
