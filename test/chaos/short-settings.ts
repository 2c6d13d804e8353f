import type { Settings } from '../faults/settings.ts'

/** So that pages, windows, polls and timeouts come into play within seconds. */
export const SHORT_SETTINGS = {
  // For haproxy to notice, with its checks of config/haproxy.cfg.
  node: { drainPauseMs: 1_300 },
  // All links pass through the process of the clients, which now and then has keys to make.
  storage: { connectTimeoutMs: 3_000, queryTimeoutMs: 1_500 },
  bus: { requestTimeoutMs: 1_200 },
  mailbox: { windowEnvelopes: 32, inFlightEnvelopes: 160, pollIntervalMs: 1_000, offlinePathMs: 1_000 },
  // A slow device shall meet this bound within seconds.
  // And a connection that is held back for less than that is to be told off in time.
  gateway: { maxBackpressureBytes: 1_100_000, connectTimeoutMs: 1_000 },
  journal: { giveUpMs: 1_500 },
  // A machine that is busy with other tests is no reason to send clients away.
  overload: {
    eventLoopDelayMs: { connections: 60_000, sends: 60_000 },
    journalAgeMs: { connections: 60_000, sends: 60_000 },
  },
} as const satisfies Settings
