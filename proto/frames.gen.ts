// Made from parley.proto by `npm run proto`. Do not edit.
import type {
  AcceptedFrame,
  AckFrame,
  CaughtUpFrame,
  ClientFrame,
  ClientSignalFrame,
  ConnectFrame,
  ConnectedFrame,
  Copy,
  DeliverFrame,
  DeviceDifference,
  ErrorFrame,
  GoawayFrame,
  Kind,
  PingFrame,
  PongFrame,
  PresenceFrame,
  SendFrame,
  ServerFrame,
  ServerSignalFrame,
  WatchFrame,
  WireAddress,
  WireEnvelope,
} from './frames.ts'
import {
  MAX_ABOUT,
  MAX_COPIES,
  MAX_WATCHED,
} from './limits.ts'
import type {
  Reader,
} from './reader.ts'
import type {
  Writer,
} from './writer.ts'

const NO_BYTES = new Uint8Array(0)

export function readClientFrame(r: Reader, end: number): ClientFrame {
  if (r.pos === end) r.fail('ClientFrame is empty')
  const tag = r.tag()
  let m: ClientFrame
  switch (tag) {
    case 10:
      m = readConnect(r, r.end())
      break
    case 18:
      m = readSend(r, r.end())
      break
    case 26:
      m = readAck(r, r.end())
      break
    case 34:
      m = readClientSignal(r, r.end())
      break
    case 42:
      m = readWatch(r, r.end(), 'watch')
      break
    case 50:
      m = readWatch(r, r.end(), 'unwatch')
      break
    case 58:
      m = readPing(r, r.end())
      break
    default:
      r.skip(tag)
      m = { type: 'unknown', name: String(tag >>> 3) }
  }
  r.finish(end)
  return m
}

export function writeClientFrame(w: Writer, m: ClientFrame): void {
  switch (m.type) {
    case 'connect': {
      const size = w.size
      writeConnect(w, m)
      w.message(10, size)
      break
    }
    case 'send': {
      const size = w.size
      writeSend(w, m)
      w.message(18, size)
      break
    }
    case 'ack': {
      const size = w.size
      writeAck(w, m)
      w.message(26, size)
      break
    }
    case 'signal': {
      const size = w.size
      writeClientSignal(w, m)
      w.message(34, size)
      break
    }
    case 'watch': {
      const size = w.size
      writeWatch(w, m)
      w.message(42, size)
      break
    }
    case 'unwatch': {
      const size = w.size
      writeWatch(w, m)
      w.message(50, size)
      break
    }
    case 'ping': {
      const size = w.size
      writePing(w, m)
      w.message(58, size)
      break
    }
    case 'unknown':
      throw new TypeError('An unknown ClientFrame cannot be encoded')
    default:
      m satisfies never
  }
}

export function readServerFrame(r: Reader, end: number): ServerFrame {
  if (r.pos === end) r.fail('ServerFrame is empty')
  const tag = r.tag()
  let m: ServerFrame
  switch (tag) {
    case 10:
      m = readConnected(r, r.end())
      break
    case 18:
      m = readAccepted(r, r.end())
      break
    case 26:
      m = readDeliver(r, r.end())
      break
    case 34:
      m = readCaughtUp(r, r.end())
      break
    case 42:
      m = readPresence(r, r.end())
      break
    case 50:
      m = readServerSignal(r, r.end())
      break
    case 58:
      m = readPong(r, r.end())
      break
    case 66:
      m = readError(r, r.end())
      break
    case 74:
      m = readGoaway(r, r.end())
      break
    default:
      r.skip(tag)
      m = { type: 'unknown', name: String(tag >>> 3) }
  }
  r.finish(end)
  return m
}

export function writeServerFrame(w: Writer, m: ServerFrame): void {
  switch (m.type) {
    case 'connected': {
      const size = w.size
      writeConnected(w, m)
      w.message(10, size)
      break
    }
    case 'accepted': {
      const size = w.size
      writeAccepted(w, m)
      w.message(18, size)
      break
    }
    case 'deliver': {
      const size = w.size
      writeDeliver(w, m)
      w.message(26, size)
      break
    }
    case 'caughtUp': {
      const size = w.size
      writeCaughtUp(w, m)
      w.message(34, size)
      break
    }
    case 'presence': {
      const size = w.size
      writePresence(w, m)
      w.message(42, size)
      break
    }
    case 'signal': {
      const size = w.size
      writeServerSignal(w, m)
      w.message(50, size)
      break
    }
    case 'pong': {
      const size = w.size
      writePong(w, m)
      w.message(58, size)
      break
    }
    case 'error': {
      const size = w.size
      writeError(w, m)
      w.message(66, size)
      break
    }
    case 'goaway': {
      const size = w.size
      writeGoaway(w, m)
      w.message(74, size)
      break
    }
    case 'unknown':
      throw new TypeError('An unknown ServerFrame cannot be encoded')
    default:
      m satisfies never
  }
}

function readAddress(r: Reader, end: number): WireAddress {
  let user: number = 0
  let device: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        user = r.uint64()
        break
      case 16:
        device = r.uint32()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { user, device }
}

function writeAddress(w: Writer, m: WireAddress): void {
  if (m.device !== 0) w.uint(16, m.device)
  if (m.user !== 0) w.uint(8, m.user)
}

function readDestination(r: Reader, end: number): number {
  let user: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        user = r.uint64()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return user
}

function writeDestination(w: Writer, m: number): void {
  if (m !== 0) w.uint(8, m)
}

function readConnect(r: Reader, end: number): ConnectFrame {
  let token: string = ''
  let client: string = ''
  let number: number = 0
  let lastMessageId: bigint = 0n
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        token = r.string()
        break
      case 18:
        client = r.string()
        break
      case 24:
        number = r.uint64()
        break
      case 33:
        lastMessageId = r.fixed64()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'connect', token, client, number, lastMessageId }
}

function writeConnect(w: Writer, m: ConnectFrame): void {
  if (m.lastMessageId !== 0n) w.fixed64(33, m.lastMessageId)
  if (m.number !== 0) w.uint(24, m.number)
  if (m.client !== '') w.string(18, m.client)
  if (m.token !== '') w.string(10, m.token)
}

function readSend(r: Reader, end: number): SendFrame {
  let id: string = ''
  let to: number | undefined
  let kind: Kind = 0
  let copies: Copy[] | undefined
  let about: string[] | undefined
  let urgent: boolean = false
  let ttl: number = 0
  let first: boolean = false
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        id = r.string()
        break
      case 18:
        to = readDestination(r, r.end())
        break
      case 24:
        kind = r.uint32() as Kind
        break
      case 34: {
        const value = readCopy(r, r.end())
        copies ??= []
        if (copies.length <= MAX_COPIES) copies.push(value)
        break
      }
      case 42: {
        const value = r.string()
        about ??= []
        if (about.length <= MAX_ABOUT) about.push(value)
        break
      }
      case 48:
        urgent = r.bool()
        break
      case 56:
        ttl = r.uint32()
        break
      case 64:
        first = r.bool()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'send', id, to: to ?? readDestination(r, r.pos), kind, copies: copies ?? [], about: about ?? [], urgent, ttl, first }
}

function writeSend(w: Writer, m: SendFrame): void {
  if (m.first) w.bool(64, m.first)
  if (m.ttl !== 0) w.uint(56, m.ttl)
  if (m.urgent) w.bool(48, m.urgent)
  for (let i = m.about.length - 1; i >= 0; i--) {
    w.string(42, m.about[i]!)
  }
  for (let i = m.copies.length - 1; i >= 0; i--) {
    const size = w.size
    writeCopy(w, m.copies[i]!)
    w.message(34, size)
  }
  if (m.kind !== 0) w.uint(24, m.kind)
  {
    const size = w.size
    writeDestination(w, m.to)
    w.message(18, size)
  }
  if (m.id !== '') w.string(10, m.id)
}

function readCopy(r: Reader, end: number): Copy {
  let device: number = 0
  let registrationId: number = 0
  let payload: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        device = r.uint32()
        break
      case 16:
        registrationId = r.uint32()
        break
      case 26:
        payload = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { device, registrationId, payload }
}

function writeCopy(w: Writer, m: Copy): void {
  if (m.payload.length !== 0) w.bytes(26, m.payload)
  if (m.registrationId !== 0) w.uint(16, m.registrationId)
  if (m.device !== 0) w.uint(8, m.device)
}

function readAck(r: Reader, end: number): AckFrame {
  let upTo: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        upTo = r.uint32()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'ack', upTo }
}

function writeAck(w: Writer, m: AckFrame): void {
  if (m.upTo !== 0) w.uint(8, m.upTo)
}

function readClientSignal(r: Reader, end: number): ClientSignalFrame {
  let to: WireAddress | undefined
  let payload: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        to = readAddress(r, r.end())
        break
      case 18:
        payload = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'signal', to: to ?? readAddress(r, r.pos), payload }
}

function writeClientSignal(w: Writer, m: ClientSignalFrame): void {
  if (m.payload.length !== 0) w.bytes(18, m.payload)
  {
    const size = w.size
    writeAddress(w, m.to)
    w.message(10, size)
  }
}

function readWatch(r: Reader, end: number, type: 'watch' | 'unwatch'): WatchFrame {
  let users: number[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint64()
          users ??= []
          if (users.length <= MAX_WATCHED) users.push(value)
        }
        r.finish(last)
        break
      }
      case 8: {
        const value = r.uint64()
        users ??= []
        if (users.length <= MAX_WATCHED) users.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type, users: users ?? [] }
}

function writeWatch(w: Writer, m: WatchFrame): void {
  if (m.users.length !== 0) {
    const size = w.size
    for (let i = m.users.length - 1; i >= 0; i--) w.packed(m.users[i]!)
    w.message(10, size)
  }
}

function readPing(r: Reader, end: number): PingFrame {
  while (r.pos < end) {
    const tag = r.tag()
    r.skip(tag)
  }
  r.finish(end)
  return { type: 'ping' }
}

function writePing(_w: Writer, _m: PingFrame): void {
}

function readConnected(r: Reader, end: number): ConnectedFrame {
  let session: string = ''
  let user: number = 0
  let device: number = 0
  let serverTime: number = 0
  let pending: number = 0
  let restoredAt: number = 0
  let restoredTo: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        session = r.string()
        break
      case 16:
        user = r.uint64()
        break
      case 24:
        device = r.uint32()
        break
      case 32:
        serverTime = r.uint64()
        break
      case 40:
        pending = r.uint32()
        break
      case 48:
        restoredAt = r.uint64()
        break
      case 56:
        restoredTo = r.uint64()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'connected', session, user, device, serverTime, pending, restoredAt, restoredTo }
}

function writeConnected(w: Writer, m: ConnectedFrame): void {
  if (m.restoredTo !== 0) w.uint(56, m.restoredTo)
  if (m.restoredAt !== 0) w.uint(48, m.restoredAt)
  if (m.pending !== 0) w.uint(40, m.pending)
  if (m.serverTime !== 0) w.uint(32, m.serverTime)
  if (m.device !== 0) w.uint(24, m.device)
  if (m.user !== 0) w.uint(16, m.user)
  if (m.session !== '') w.string(10, m.session)
}

function readAccepted(r: Reader, end: number): AcceptedFrame {
  let id: string = ''
  let messageId: bigint = 0n
  let at: number = 0
  let delivered: number[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        id = r.string()
        break
      case 17:
        messageId = r.fixed64()
        break
      case 24:
        at = r.uint64()
        break
      case 34: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          delivered ??= []
          delivered.push(value)
        }
        r.finish(last)
        break
      }
      case 32: {
        const value = r.uint32()
        delivered ??= []
        delivered.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'accepted', id, messageId, at, delivered: delivered ?? [] }
}

function writeAccepted(w: Writer, m: AcceptedFrame): void {
  if (m.delivered.length !== 0) {
    const size = w.size
    for (let i = m.delivered.length - 1; i >= 0; i--) w.packed(m.delivered[i]!)
    w.message(34, size)
  }
  if (m.at !== 0) w.uint(24, m.at)
  if (m.messageId !== 0n) w.fixed64(17, m.messageId)
  if (m.id !== '') w.string(10, m.id)
}

function readDeliver(r: Reader, end: number): DeliverFrame {
  let seq: number = 0
  let envelope: WireEnvelope | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        seq = r.uint32()
        break
      case 18:
        envelope = readEnvelope(r, r.end())
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'deliver', seq, envelope: envelope ?? readEnvelope(r, r.pos) }
}

function writeDeliver(w: Writer, m: DeliverFrame): void {
  {
    const size = w.size
    writeEnvelope(w, m.envelope)
    w.message(18, size)
  }
  if (m.seq !== 0) w.uint(8, m.seq)
}

function readEnvelope(r: Reader, end: number): WireEnvelope {
  let messageId: bigint = 0n
  let from: WireAddress | undefined
  let kind: Kind = 0
  let id: string = ''
  let payload: Uint8Array = NO_BYTES
  let sentAt: number = 0
  let about: string[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 9:
        messageId = r.fixed64()
        break
      case 18:
        from = readAddress(r, r.end())
        break
      case 24:
        kind = r.uint32() as Kind
        break
      case 34:
        id = r.string()
        break
      case 42:
        payload = r.bytes()
        break
      case 48:
        sentAt = r.uint64()
        break
      case 58: {
        const value = r.string()
        about ??= []
        about.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { messageId, from: from ?? readAddress(r, r.pos), kind, id, payload, sentAt, about: about ?? [] }
}

function writeEnvelope(w: Writer, m: WireEnvelope): void {
  for (let i = m.about.length - 1; i >= 0; i--) {
    w.string(58, m.about[i]!)
  }
  if (m.sentAt !== 0) w.uint(48, m.sentAt)
  if (m.payload.length !== 0) w.bytes(42, m.payload)
  if (m.id !== '') w.string(34, m.id)
  if (m.kind !== 0) w.uint(24, m.kind)
  {
    const size = w.size
    writeAddress(w, m.from)
    w.message(18, size)
  }
  if (m.messageId !== 0n) w.fixed64(9, m.messageId)
}

function readCaughtUp(r: Reader, end: number): CaughtUpFrame {
  while (r.pos < end) {
    const tag = r.tag()
    r.skip(tag)
  }
  r.finish(end)
  return { type: 'caughtUp' }
}

function writeCaughtUp(_w: Writer, _m: CaughtUpFrame): void {
}

function readPresence(r: Reader, end: number): PresenceFrame {
  let user: number = 0
  let online: boolean = false
  let lastSeen: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        user = r.uint64()
        break
      case 16:
        online = r.bool()
        break
      case 24:
        lastSeen = r.uint64()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'presence', user, online, lastSeen }
}

function writePresence(w: Writer, m: PresenceFrame): void {
  if (m.lastSeen !== 0) w.uint(24, m.lastSeen)
  if (m.online) w.bool(16, m.online)
  if (m.user !== 0) w.uint(8, m.user)
}

function readServerSignal(r: Reader, end: number): ServerSignalFrame {
  let from: WireAddress | undefined
  let payload: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        from = readAddress(r, r.end())
        break
      case 18:
        payload = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'signal', from: from ?? readAddress(r, r.pos), payload }
}

function writeServerSignal(w: Writer, m: ServerSignalFrame): void {
  if (m.payload.length !== 0) w.bytes(18, m.payload)
  {
    const size = w.size
    writeAddress(w, m.from)
    w.message(10, size)
  }
}

function readPong(r: Reader, end: number): PongFrame {
  while (r.pos < end) {
    const tag = r.tag()
    r.skip(tag)
  }
  r.finish(end)
  return { type: 'pong' }
}

function writePong(_w: Writer, _m: PongFrame): void {
}

function readError(r: Reader, end: number): ErrorFrame {
  let id: string = ''
  let code: string = ''
  let message: string = ''
  let temporary: boolean = false
  let retryAfterMs: number = 0
  let details: NonNullable<ErrorFrame['details']> | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        id = r.string()
        break
      case 18:
        code = r.string()
        break
      case 26:
        message = r.string()
        break
      case 32:
        temporary = r.bool()
        break
      case 40:
        retryAfterMs = r.uint32()
        break
      case 50:
        details = readErrorDetails(r, r.end())
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'error', id, code, message, temporary, retryAfterMs, ...(details !== undefined && { details }) }
}

function writeError(w: Writer, m: ErrorFrame): void {
  if (m.details !== undefined) {
    const size = w.size
    writeErrorDetails(w, m.details)
    w.message(50, size)
  }
  if (m.retryAfterMs !== 0) w.uint(40, m.retryAfterMs)
  if (m.temporary) w.bool(32, m.temporary)
  if (m.message !== '') w.string(26, m.message)
  if (m.code !== '') w.string(18, m.code)
  if (m.id !== '') w.string(10, m.id)
}

function readErrorDetails(r: Reader, end: number): NonNullable<ErrorFrame['details']> {
  let devices: DeviceDifference | undefined
  let number: number | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        devices = readDeviceDifference(r, r.end())
        break
      case 16:
        number = r.uint64()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { ...(devices !== undefined && { devices }), ...(number !== undefined && { number }) }
}

function writeErrorDetails(w: Writer, m: NonNullable<ErrorFrame['details']>): void {
  if (m.number !== undefined) w.uint(16, m.number)
  if (m.devices !== undefined) {
    const size = w.size
    writeDeviceDifference(w, m.devices)
    w.message(10, size)
  }
}

function readDeviceDifference(r: Reader, end: number): DeviceDifference {
  let missing: number[] | undefined
  let extra: number[] | undefined
  let stale: number[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          missing ??= []
          missing.push(value)
        }
        r.finish(last)
        break
      }
      case 8: {
        const value = r.uint32()
        missing ??= []
        missing.push(value)
        break
      }
      case 18: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          extra ??= []
          extra.push(value)
        }
        r.finish(last)
        break
      }
      case 16: {
        const value = r.uint32()
        extra ??= []
        extra.push(value)
        break
      }
      case 26: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          stale ??= []
          stale.push(value)
        }
        r.finish(last)
        break
      }
      case 24: {
        const value = r.uint32()
        stale ??= []
        stale.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { missing: missing ?? [], extra: extra ?? [], stale: stale ?? [] }
}

function writeDeviceDifference(w: Writer, m: DeviceDifference): void {
  if (m.stale.length !== 0) {
    const size = w.size
    for (let i = m.stale.length - 1; i >= 0; i--) w.packed(m.stale[i]!)
    w.message(26, size)
  }
  if (m.extra.length !== 0) {
    const size = w.size
    for (let i = m.extra.length - 1; i >= 0; i--) w.packed(m.extra[i]!)
    w.message(18, size)
  }
  if (m.missing.length !== 0) {
    const size = w.size
    for (let i = m.missing.length - 1; i >= 0; i--) w.packed(m.missing[i]!)
    w.message(10, size)
  }
}

function readGoaway(r: Reader, end: number): GoawayFrame {
  let reconnectAfterMs: number = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        reconnectAfterMs = r.uint32()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'goaway', reconnectAfterMs }
}

function writeGoaway(w: Writer, m: GoawayFrame): void {
  if (m.reconnectAfterMs !== 0) w.uint(8, m.reconnectAfterMs)
}
