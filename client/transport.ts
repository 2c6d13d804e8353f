/** What a link tells. After `closed`, and after its `close()`, it says nothing more. */
export interface LinkHandlers {
  opened(): void
  /** One WebSocket message: bytes from binary ones, a string from text ones. */
  received(message: Uint8Array | string): void
  /** @param code - the WebSocket close code; 1006 when the link was lost or never came to be */
  closed(code: number, reason: string): void
}

/** One WebSocket connection. */
export interface Link {
  send(message: Uint8Array | string): void
  /** Closes normally, without waiting. */
  close(): void
}

/** How links are made: the seam between the SDK and the network. */
export interface Transport {
  connect(url: string, subprotocol: string, handlers: LinkHandlers): Link
}

/** The `WebSocket` that browsers have, and Node from version 22 on. */
export const webSocketTransport: Transport = {
  connect(url, subprotocol, handlers) {
    const socket = new WebSocket(url, subprotocol)
    socket.binaryType = 'arraybuffer'
    let ended = false
    const end = (code: number, reason: string): void => {
      if (ended) return
      ended = true
      handlers.closed(code, reason)
    }
    socket.addEventListener('open', () => {
      if (!ended) handlers.opened()
    })
    socket.addEventListener('message', ({ data }: MessageEvent) => {
      if (ended) return
      if (typeof data === 'string') handlers.received(data)
      else if (data instanceof ArrayBuffer) handlers.received(new Uint8Array(data))
    })
    socket.addEventListener('close', ({ code, reason }) => end(code, reason))
    // Always followed by `close`; listened to because some runtimes print an unheard error.
    socket.addEventListener('error', () => {})
    return {
      send(message) {
        if (socket.readyState === WebSocket.OPEN) socket.send(message as Uint8Array<ArrayBuffer> | string)
      },
      close() {
        ended = true
        socket.close(1000)
      },
    }
  },
}
