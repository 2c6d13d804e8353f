import { setTimeout as delay } from 'node:timers/promises'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import type { AttackSession, AttackSessionOptions } from './attack-session.ts'
import type { HttpClient, Target } from './target.ts'

/** How long an attacker waits that was cut off, before it comes back. */
const RETURN_MS = 200

/** Does something over and over until the signal comes, `times` of it side by side. Whoever has done nothing waits. */
export async function forever(
  signal: AbortSignal,
  times: number,
  act: (index: number) => Promise<boolean>,
): Promise<void> {
  const one = async (_: unknown, index: number): Promise<void> => {
    while (!signal.aborted) if (!(await act(index))) await delay(RETURN_MS)
  }
  await Promise.all(Array.from({ length: times }, one))
}

export interface FloodOptions extends AttackSessionOptions {
  readonly sockets?: number
  /** What one socket says before the flood. */
  readonly opening?: (session: AttackSession) => Promise<void>
  /** After each time; absent: there is none. */
  readonly pause?: () => Promise<unknown>
}

/** Sends the same bytes over sessions, as fast as they are taken, and comes back when it is cut off. */
export function flood(
  target: Target,
  signal: AbortSignal,
  bytesOf: (session: AttackSession, index: number) => Buffer | readonly Buffer[],
  { sockets = 1, opening, pause, ...options }: FloodOptions = {},
): Promise<void> {
  return forever(signal, sockets, async (index) => {
    const device = target.accounts[index % target.accounts.length] as RawDevice
    const session = await target.session(device, options)
    if (session === undefined) return false
    await opening?.(session)
    const bytes = bytesOf(session, index)
    const turns = Buffer.isBuffer(bytes) ? [bytes] : (bytes as readonly Buffer[])
    await pour(signal, session, turns, pause)
    session.close()
    return false
  })
}

/** Writes these bytes in turn until the connection is over or the signal comes. */
async function pour(
  signal: AbortSignal,
  session: AttackSession,
  turns: readonly Buffer[],
  // Else what the server says would wait for ever.
  pause: () => Promise<unknown> = () => new Promise(setImmediate),
): Promise<void> {
  for (let i = 0; !signal.aborted && !session.closed; i++) {
    await session.wire.write(turns[i % turns.length]!)
    await pause()
  }
}

/** Requests one after the other on so many connections; a connection that ends is replaced. */
export function request(
  target: Target,
  signal: AbortSignal,
  connections: number,
  call: (client: HttpClient, count: number, index: number) => Promise<unknown>,
): Promise<void> {
  let count = 0
  return forever(signal, connections, async (index) => {
    const client = await target.http()
    if (client === undefined) return false
    while (!signal.aborted && !client.wire.closed) if ((await call(client, count++, index)) === undefined) break
    client.wire.destroy()
    return false
  })
}

/** Resolves when the signal comes. */
export async function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })
}
