/**
 * Why a WebSocket was closed. The range is the rule, so that an old client acts rightly on a code that it does not know:
 * 4000–4499 reconnect; 4500–4999 are terminal, as the answer to a `connect` and nowhere else, but for REPLACED and
 * DEVICE_REMOVED, which end an open session for good too.
 */
export const CloseCode = {
  /** A fault of the server: reconnect. */
  SERVER_ERROR: 4000,
  /** The node shuts down, or the user's data moves to another database: reconnect. */
  DRAINING: 4001,
  /** The client reads more slowly than it is sent to: reconnect, what was missed comes again. */
  SLOW_CONSUMER: 4002,
  /** No answer to the server's ping: reconnect. */
  NO_PONG: 4003,
  /** The node has no room, or no `connect` came in time: reconnect later. */
  OVERLOADED: 4004,
  /** Undecodable bytes, `connect` not first, or an acknowledgement of what was never delivered. */
  PROTOCOL_ERROR: 4500,
  /** A WebSocket message or a payload over its limit. */
  TOO_LARGE: 4501,
  /** No, a wrong or a revoked token: only ever the answer to a `connect`. */
  UNAUTHENTICATED: 4502,
  /** A newer session of the same device took over. */
  REPLACED: 4503,
  /** The device was removed, or its account deleted. */
  DEVICE_REMOVED: 4504,
} as const

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

/** Whether the code never means that to connect again would not help. Codes outside 4500–4999 (1006 and so on) are lost connections. */
export function mayReconnect(code: number): boolean {
  return code < 4500 || code > 4999
}
