export const scenarioNames = ['chat', 'connections', 'offline', 'storm', 'http'] as const

export type ScenarioName = (typeof scenarioNames)[number]

/** What `npm run load` can make. Each is a script in test/load. */
export interface Scenario {
  /** For the help. */
  readonly summary: string
  readonly vus: number
  /** They write to each other by twos. */
  readonly pairs?: true
  readonly durationMs: number
  readonly accounts: (vus: number) => number
  /** Its users have hosted devices, for the HTTP API. */
  readonly hosted: boolean
}

/** Of the storm: so many devices stay connected and write. */
export const STORM_WRITERS = 20

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  chat: {
    summary: 'pairs write to each other: typing, send, ✓, delivery, ack, ✓✓, READ',
    vus: 100,
    pairs: true,
    durationMs: 30_000,
    accounts: (vus) => vus,
    hosted: false,
  },
  connections: {
    summary: 'connections come, stay, and answer at the end',
    vus: 500,
    durationMs: 30_000,
    accounts: (vus) => vus,
    hosted: false,
  },
  offline: {
    summary: 'mailboxes fill while their devices are away, and are drained at once',
    vus: 20,
    durationMs: 30_000,
    accounts: (vus) => 2 * vus,
    hosted: false,
  },
  storm: {
    summary: 'all devices lose their connections at once and come back, while others write',
    vus: 500,
    durationMs: 30_000,
    accounts: (vus) => vus + STORM_WRITERS,
    hosted: false,
  },
  http: {
    summary: 'the HTTP API: registrations, the account, sendMessage and getMessage, health',
    vus: 10,
    durationMs: 20_000,
    accounts: (vus) => 2 * vus,
    hosted: true,
  },
}
