import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface SocketOptions {
  readonly url: string
  readonly protocol?: string
  /** The client's own address: a loopback address gives 28,000 ports. */
  readonly localAddress?: string | undefined
  /** For the handshake. */
  readonly timeoutMs?: number | undefined
}

/** Opens a WebSocket whose messages come as one buffer each. */
export async function openSocket({ url, protocol, localAddress, timeoutMs }: SocketOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(timeoutMs === undefined ? {} : { handshakeTimeout: timeoutMs }),
  })
  await once(socket, 'open')
  return socket
}

/** Runs a task for each item, so many at a time. */
export async function forEachOf<Item>(
  items: readonly Item[],
  concurrency: number,
  task: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await task(items[i]!, i)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
}
