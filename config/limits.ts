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
  /** HTTP requests, by user; those without a good token by network address. */
  http: { burst: 500, perSecond: 100 },
  /** Uploads begun, by user. */
  upload: { burst: 50, perSecond: 1 },
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof defaultLimits

export type Limits = Readonly<Record<LimitName, Limit>>
