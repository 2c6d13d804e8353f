/** What the server keeps of a user's devices; nothing of it is believed before it was verified. */
export interface ListedKeys {
  /** The device lists above the epoch that was asked for, oldest first. */
  readonly lists: readonly Uint8Array[]
  /** The certificates that the newest of them names. */
  readonly certificates: readonly Uint8Array[]
}

/** The keys for one new session with a device. */
export interface TakenKeys {
  readonly device: number
  readonly certificate: Uint8Array
  readonly signedPreKey: Uint8Array
  /** undefined: the stock is used up. */
  readonly oneTimePreKey: Uint8Array | undefined
  readonly kemPreKey: Uint8Array
  /** false: it is the last resort, which others were given too. */
  readonly kemOneTime: boolean
}

/** Public keys of this device, for others to take. What is left out stays as it is. */
export interface NewKeys {
  readonly signedPreKey?: Uint8Array
  readonly lastResort?: Uint8Array
  readonly oneTimePreKeys: readonly Uint8Array[]
  readonly kemPreKeys: readonly Uint8Array[]
}

/** What a registration brings: {@link NewKeys}, all of them, with the certificate and the list of the device. */
export interface FirstKeys extends NewKeys {
  readonly signedPreKey: Uint8Array
  readonly lastResort: Uint8Array
  readonly certificate: Uint8Array
  readonly list: Uint8Array
}

export interface KeyStock {
  readonly oneTimePreKeys: number
  readonly kemPreKeys: number
}

/** The server's part in keys and devices, for the device of one token. All reject with {@link RefusedError}. */
export interface KeyServer {
  /** @param since - the epoch that is known; 0: none */
  lists(user: number, since: number): Promise<ListedKeys>
  /** Takes one-time keys of these devices. The same request id within ten minutes brings the same keys. */
  take(user: number, devices: readonly number[], requestId: string): Promise<readonly TakenKeys[]>
  put(keys: NewKeys): Promise<void>
  stock(): Promise<KeyStock>
  putList(list: Uint8Array, certificates: readonly Uint8Array[]): Promise<void>
}
