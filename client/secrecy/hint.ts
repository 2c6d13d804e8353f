/** What the server says of its own accord: nothing is done because of it that could not be done at any time. */
export type Hint =
  /** Few one-time keys are left there. */
  | { readonly type: 'keysLow' }
  /** The user's device list, or another one's, is newer than before. */
  | { readonly type: 'devicesChanged'; readonly user: number }
  | { readonly type: 'identityChanged'; readonly user: number }

/** undefined: none that this version knows. */
export function readHint(payload: Uint8Array): Hint | undefined {
  try {
    const hint = JSON.parse(new TextDecoder().decode(payload)) as Readonly<Record<string, { readonly user?: unknown }>>
    if (typeof hint['keysLow'] === 'object') return { type: 'keysLow' }
    for (const type of ['devicesChanged', 'identityChanged'] as const) {
      const user = Number(hint[type]?.user)
      if (Number.isSafeInteger(user) && user > 0) return { type, user }
    }
    return undefined
  } catch {
    return undefined
  }
}
