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
  readArray,
  readBigint,
  readBool,
  readBytes,
  readEnum,
  readMember,
  readObject,
  readString,
  readUint32,
  readUint64,
  writeBytes,
  writeEnum,
} from './json.ts'
import {
  MAX_ABOUT,
  MAX_COPIES,
  MAX_WATCHED,
} from './limits.ts'

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['MESSAGE', 0],
  ['DELIVERED', 1],
  ['READ', 2],
  ['PLAYED', 3],
  ['GROUP_EVENT', 4],
  ['STATUS', 5],
  ['DEVICE_EVENT', 6],
  ['EXPIRED', 7],
])

export function readClientFrame(json: unknown, at: string): ClientFrame {
  const [name, value] = readMember(json, at)
  switch (name) {
    case 'connect':
      return readConnect(value, `${at}.connect`)
    case 'send':
      return readSend(value, `${at}.send`)
    case 'ack':
      return readAck(value, `${at}.ack`)
    case 'signal':
      return readClientSignal(value, `${at}.signal`)
    case 'watch':
      return readWatch(value, `${at}.watch`, 'watch')
    case 'unwatch':
      return readWatch(value, `${at}.unwatch`, 'unwatch')
    case 'ping':
      return readPing(value, `${at}.ping`)
    default:
      return { type: 'unknown', name }
  }
}

export function writeClientFrame(m: ClientFrame): Record<string, unknown> {
  switch (m.type) {
    case 'connect':
      return { connect: writeConnect(m) }
    case 'send':
      return { send: writeSend(m) }
    case 'ack':
      return { ack: writeAck(m) }
    case 'signal':
      return { signal: writeClientSignal(m) }
    case 'watch':
      return { watch: writeWatch(m) }
    case 'unwatch':
      return { unwatch: writeWatch(m) }
    case 'ping':
      return { ping: writePing(m) }
    case 'unknown':
      throw new TypeError('An unknown ClientFrame cannot be encoded')
    default:
      return m satisfies never
  }
}

export function readServerFrame(json: unknown, at: string): ServerFrame {
  const [name, value] = readMember(json, at)
  switch (name) {
    case 'connected':
      return readConnected(value, `${at}.connected`)
    case 'accepted':
      return readAccepted(value, `${at}.accepted`)
    case 'deliver':
      return readDeliver(value, `${at}.deliver`)
    case 'caughtUp':
    case 'caught_up':
      return readCaughtUp(value, `${at}.caughtUp`)
    case 'presence':
      return readPresence(value, `${at}.presence`)
    case 'signal':
      return readServerSignal(value, `${at}.signal`)
    case 'pong':
      return readPong(value, `${at}.pong`)
    case 'error':
      return readError(value, `${at}.error`)
    case 'goaway':
      return readGoaway(value, `${at}.goaway`)
    default:
      return { type: 'unknown', name }
  }
}

export function writeServerFrame(m: ServerFrame): Record<string, unknown> {
  switch (m.type) {
    case 'connected':
      return { connected: writeConnected(m) }
    case 'accepted':
      return { accepted: writeAccepted(m) }
    case 'deliver':
      return { deliver: writeDeliver(m) }
    case 'caughtUp':
      return { caughtUp: writeCaughtUp(m) }
    case 'presence':
      return { presence: writePresence(m) }
    case 'signal':
      return { signal: writeServerSignal(m) }
    case 'pong':
      return { pong: writePong(m) }
    case 'error':
      return { error: writeError(m) }
    case 'goaway':
      return { goaway: writeGoaway(m) }
    case 'unknown':
      throw new TypeError('An unknown ServerFrame cannot be encoded')
    default:
      return m satisfies never
  }
}

function readAddress(json: unknown, at: string): WireAddress {
  const o = readObject(json, at)
  return { user: readUint64(o['user'], `${at}.user`), device: readUint32(o['device'], `${at}.device`) }
}

function writeAddress(m: WireAddress): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.user !== 0) o['user'] = String(m.user)
  if (m.device !== 0) o['device'] = m.device
  return o
}

function readDestination(json: unknown, at: string): number {
  const o = readObject(json, at)
  return readUint64(o['user'], `${at}.user`)
}

function writeDestination(m: number): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m !== 0) o['user'] = String(m)
  return o
}

function readConnect(json: unknown, at: string): ConnectFrame {
  const o = readObject(json, at)
  return { type: 'connect', token: readString(o['token'], `${at}.token`), client: readString((o['clientVersion'] ?? o['client_version']), `${at}.clientVersion`), number: readUint64(o['number'], `${at}.number`), lastMessageId: readBigint((o['lastMessageId'] ?? o['last_message_id']), `${at}.lastMessageId`) }
}

function writeConnect(m: ConnectFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.token !== '') o['token'] = m.token
  if (m.client !== '') o['clientVersion'] = m.client
  if (m.number !== 0) o['number'] = String(m.number)
  if (m.lastMessageId !== 0n) o['lastMessageId'] = String(m.lastMessageId)
  return o
}

function readSend(json: unknown, at: string): SendFrame {
  const o = readObject(json, at)
  return { type: 'send', id: readString(o['id'], `${at}.id`), to: readDestination(o['to'], `${at}.to`), kind: readEnum(o['kind'], `${at}.kind`, KINDS), copies: readArray(o['copies'], `${at}.copies`, (value, at) => readCopy(value, at), MAX_COPIES + 1), about: readArray(o['about'], `${at}.about`, (value, at) => readString(value, at), MAX_ABOUT + 1), urgent: readBool(o['urgent'], `${at}.urgent`), ttl: readUint32(o['ttl'], `${at}.ttl`), first: readBool(o['first'], `${at}.first`) }
}

function writeSend(m: SendFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.id !== '') o['id'] = m.id
  o['to'] = writeDestination(m.to)
  if (m.kind !== 0) o['kind'] = writeEnum(m.kind, KINDS)
  if (m.copies.length !== 0) o['copies'] = m.copies.map((value) => writeCopy(value))
  if (m.about.length !== 0) o['about'] = m.about
  if (m.urgent) o['urgent'] = m.urgent
  if (m.ttl !== 0) o['ttl'] = m.ttl
  if (m.first) o['first'] = m.first
  return o
}

function readCopy(json: unknown, at: string): Copy {
  const o = readObject(json, at)
  return { device: readUint32(o['device'], `${at}.device`), registrationId: readUint32((o['registrationId'] ?? o['registration_id']), `${at}.registrationId`), payload: readBytes(o['payload'], `${at}.payload`) }
}

function writeCopy(m: Copy): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.device !== 0) o['device'] = m.device
  if (m.registrationId !== 0) o['registrationId'] = m.registrationId
  if (m.payload.length !== 0) o['payload'] = writeBytes(m.payload)
  return o
}

function readAck(json: unknown, at: string): AckFrame {
  const o = readObject(json, at)
  return { type: 'ack', upTo: readUint32((o['upTo'] ?? o['up_to']), `${at}.upTo`) }
}

function writeAck(m: AckFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.upTo !== 0) o['upTo'] = m.upTo
  return o
}

function readClientSignal(json: unknown, at: string): ClientSignalFrame {
  const o = readObject(json, at)
  return { type: 'signal', to: readAddress(o['to'], `${at}.to`), payload: readBytes(o['payload'], `${at}.payload`) }
}

function writeClientSignal(m: ClientSignalFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  o['to'] = writeAddress(m.to)
  if (m.payload.length !== 0) o['payload'] = writeBytes(m.payload)
  return o
}

function readWatch(json: unknown, at: string, type: 'watch' | 'unwatch'): WatchFrame {
  const o = readObject(json, at)
  return { type, users: readArray(o['users'], `${at}.users`, (value, at) => readUint64(value, at), MAX_WATCHED + 1) }
}

function writeWatch(m: WatchFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.users.length !== 0) o['users'] = m.users.map((value) => String(value))
  return o
}

function readPing(json: unknown, at: string): PingFrame {
  readObject(json, at)
  return { type: 'ping' }
}

function writePing(_m: PingFrame): Record<string, unknown> {
  return {}
}

function readConnected(json: unknown, at: string): ConnectedFrame {
  const o = readObject(json, at)
  return { type: 'connected', session: readString(o['session'], `${at}.session`), user: readUint64(o['user'], `${at}.user`), device: readUint32(o['device'], `${at}.device`), serverTime: readUint64((o['serverTime'] ?? o['server_time']), `${at}.serverTime`), pending: readUint32(o['pending'], `${at}.pending`), restoredAt: readUint64((o['restoredAt'] ?? o['restored_at']), `${at}.restoredAt`), restoredTo: readUint64((o['restoredTo'] ?? o['restored_to']), `${at}.restoredTo`) }
}

function writeConnected(m: ConnectedFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.session !== '') o['session'] = m.session
  if (m.user !== 0) o['user'] = String(m.user)
  if (m.device !== 0) o['device'] = m.device
  if (m.serverTime !== 0) o['serverTime'] = String(m.serverTime)
  if (m.pending !== 0) o['pending'] = m.pending
  if (m.restoredAt !== 0) o['restoredAt'] = String(m.restoredAt)
  if (m.restoredTo !== 0) o['restoredTo'] = String(m.restoredTo)
  return o
}

function readAccepted(json: unknown, at: string): AcceptedFrame {
  const o = readObject(json, at)
  return { type: 'accepted', id: readString(o['id'], `${at}.id`), messageId: readBigint((o['messageId'] ?? o['message_id']), `${at}.messageId`), at: readUint64(o['at'], `${at}.at`), delivered: readArray(o['delivered'], `${at}.delivered`, (value, at) => readUint32(value, at)) }
}

function writeAccepted(m: AcceptedFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.id !== '') o['id'] = m.id
  if (m.messageId !== 0n) o['messageId'] = String(m.messageId)
  if (m.at !== 0) o['at'] = String(m.at)
  if (m.delivered.length !== 0) o['delivered'] = m.delivered
  return o
}

function readDeliver(json: unknown, at: string): DeliverFrame {
  const o = readObject(json, at)
  return { type: 'deliver', seq: readUint32(o['seq'], `${at}.seq`), envelope: readEnvelope(o['envelope'], `${at}.envelope`) }
}

function writeDeliver(m: DeliverFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.seq !== 0) o['seq'] = m.seq
  o['envelope'] = writeEnvelope(m.envelope)
  return o
}

function readEnvelope(json: unknown, at: string): WireEnvelope {
  const o = readObject(json, at)
  return { messageId: readBigint((o['messageId'] ?? o['message_id']), `${at}.messageId`), from: readAddress(o['from'], `${at}.from`), kind: readEnum(o['kind'], `${at}.kind`, KINDS), id: readString(o['id'], `${at}.id`), payload: readBytes(o['payload'], `${at}.payload`), sentAt: readUint64((o['sentAt'] ?? o['sent_at']), `${at}.sentAt`), about: readArray(o['about'], `${at}.about`, (value, at) => readString(value, at)) }
}

function writeEnvelope(m: WireEnvelope): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.messageId !== 0n) o['messageId'] = String(m.messageId)
  o['from'] = writeAddress(m.from)
  if (m.kind !== 0) o['kind'] = writeEnum(m.kind, KINDS)
  if (m.id !== '') o['id'] = m.id
  if (m.payload.length !== 0) o['payload'] = writeBytes(m.payload)
  if (m.sentAt !== 0) o['sentAt'] = String(m.sentAt)
  if (m.about.length !== 0) o['about'] = m.about
  return o
}

function readCaughtUp(json: unknown, at: string): CaughtUpFrame {
  readObject(json, at)
  return { type: 'caughtUp' }
}

function writeCaughtUp(_m: CaughtUpFrame): Record<string, unknown> {
  return {}
}

function readPresence(json: unknown, at: string): PresenceFrame {
  const o = readObject(json, at)
  return { type: 'presence', user: readUint64(o['user'], `${at}.user`), online: readBool(o['online'], `${at}.online`), lastSeen: readUint64((o['lastSeen'] ?? o['last_seen']), `${at}.lastSeen`) }
}

function writePresence(m: PresenceFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.user !== 0) o['user'] = String(m.user)
  if (m.online) o['online'] = m.online
  if (m.lastSeen !== 0) o['lastSeen'] = String(m.lastSeen)
  return o
}

function readServerSignal(json: unknown, at: string): ServerSignalFrame {
  const o = readObject(json, at)
  return { type: 'signal', from: readAddress(o['from'], `${at}.from`), payload: readBytes(o['payload'], `${at}.payload`) }
}

function writeServerSignal(m: ServerSignalFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  o['from'] = writeAddress(m.from)
  if (m.payload.length !== 0) o['payload'] = writeBytes(m.payload)
  return o
}

function readPong(json: unknown, at: string): PongFrame {
  readObject(json, at)
  return { type: 'pong' }
}

function writePong(_m: PongFrame): Record<string, unknown> {
  return {}
}

function readError(json: unknown, at: string): ErrorFrame {
  const o = readObject(json, at)
  const details = o['details'] == null ? undefined : readErrorDetails(o['details'], `${at}.details`)
  return { type: 'error', id: readString(o['id'], `${at}.id`), code: readString(o['code'], `${at}.code`), message: readString(o['message'], `${at}.message`), temporary: readBool(o['temporary'], `${at}.temporary`), retryAfterMs: readUint32((o['retryAfterMs'] ?? o['retry_after_ms']), `${at}.retryAfterMs`), ...(details !== undefined && { details }) }
}

function writeError(m: ErrorFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.id !== '') o['id'] = m.id
  if (m.code !== '') o['code'] = m.code
  if (m.message !== '') o['message'] = m.message
  if (m.temporary) o['temporary'] = m.temporary
  if (m.retryAfterMs !== 0) o['retryAfterMs'] = m.retryAfterMs
  if (m.details !== undefined) o['details'] = writeErrorDetails(m.details)
  return o
}

function readErrorDetails(json: unknown, at: string): NonNullable<ErrorFrame['details']> {
  const o = readObject(json, at)
  const devices = o['devices'] == null ? undefined : readDeviceDifference(o['devices'], `${at}.devices`)
  const number = o['number'] == null ? undefined : readUint64(o['number'], `${at}.number`)
  return { ...(devices !== undefined && { devices }), ...(number !== undefined && { number }) }
}

function writeErrorDetails(m: NonNullable<ErrorFrame['details']>): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.devices !== undefined) o['devices'] = writeDeviceDifference(m.devices)
  if (m.number !== undefined) o['number'] = String(m.number)
  return o
}

function readDeviceDifference(json: unknown, at: string): DeviceDifference {
  const o = readObject(json, at)
  return { missing: readArray(o['missing'], `${at}.missing`, (value, at) => readUint32(value, at)), extra: readArray(o['extra'], `${at}.extra`, (value, at) => readUint32(value, at)), stale: readArray(o['stale'], `${at}.stale`, (value, at) => readUint32(value, at)) }
}

function writeDeviceDifference(m: DeviceDifference): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.missing.length !== 0) o['missing'] = m.missing
  if (m.extra.length !== 0) o['extra'] = m.extra
  if (m.stale.length !== 0) o['stale'] = m.stale
  return o
}

function readGoaway(json: unknown, at: string): GoawayFrame {
  const o = readObject(json, at)
  return { type: 'goaway', reconnectAfterMs: readUint32((o['reconnectAfterMs'] ?? o['reconnect_after_ms']), `${at}.reconnectAfterMs`) }
}

function writeGoaway(m: GoawayFrame): Record<string, unknown> {
  const o: Record<string, unknown> = {}
  if (m.reconnectAfterMs !== 0) o['reconnectAfterMs'] = m.reconnectAfterMs
  return o
}
