// Made from content.proto by `npm run proto`. Do not edit.
import type {
  ArchiveBody,
  ArchivedMessage,
  Body,
  Chat,
  ContactBody,
  Content,
  DeleteBody,
  EditBody,
  LinkPreview,
  LocationBody,
  MessageReference,
  NullBody,
  ReactionBody,
  ReadSyncBody,
  ResendBody,
  SentTranscriptBody,
  SessionAckBody,
  TextBody,
  TrustSyncBody,
  Version,
} from './content.ts'
import type {
  Reader,
} from './reader.ts'
import type {
  Writer,
} from './writer.ts'

const NO_BYTES = new Uint8Array(0)

export function readContent(r: Reader, end: number): Content {
  let id: string = ''
  let sentAtMs: number = 0
  let chat: Chat | undefined
  let myList: Version | undefined
  let yourList: Version | undefined
  let groupState: Version | undefined
  let expireSeconds: number | undefined
  let replyTo: MessageReference | undefined
  let body: Body | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        id = r.uuid()
        break
      case 16:
        sentAtMs = r.uint64()
        break
      case 26:
        chat = readChat(r, r.end())
        break
      case 34:
        myList = readVersion(r, r.end())
        break
      case 42:
        yourList = readVersion(r, r.end())
        break
      case 50:
        groupState = readVersion(r, r.end())
        break
      case 56:
        expireSeconds = r.uint32()
        break
      case 66:
        replyTo = readMessageReference(r, r.end())
        break
      case 74:
        body = readBody(r, r.end())
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { id, sentAtMs, chat: chat ?? readChat(r, r.pos), ...(myList !== undefined && { myList }), ...(yourList !== undefined && { yourList }), ...(groupState !== undefined && { groupState }), ...(expireSeconds !== undefined && { expireSeconds }), ...(replyTo !== undefined && { replyTo }), body: body ?? readBody(r, r.pos) }
}

export function writeContent(w: Writer, m: Content): void {
  {
    const size = w.size
    writeBody(w, m.body)
    w.message(74, size)
  }
  if (m.replyTo !== undefined) {
    const size = w.size
    writeMessageReference(w, m.replyTo)
    w.message(66, size)
  }
  if (m.expireSeconds !== undefined) w.uint(56, m.expireSeconds)
  if (m.groupState !== undefined) {
    const size = w.size
    writeVersion(w, m.groupState)
    w.message(50, size)
  }
  if (m.yourList !== undefined) {
    const size = w.size
    writeVersion(w, m.yourList)
    w.message(42, size)
  }
  if (m.myList !== undefined) {
    const size = w.size
    writeVersion(w, m.myList)
    w.message(34, size)
  }
  {
    const size = w.size
    writeChat(w, m.chat)
    w.message(26, size)
  }
  if (m.sentAtMs !== 0) w.uint(16, m.sentAtMs)
  if (m.id !== '') w.uuid(10, m.id)
}

function readChat(r: Reader, end: number): Chat {
  if (r.pos === end) r.fail('Chat is empty')
  const tag = r.tag()
  let m: Chat
  switch (tag) {
    case 8:
      m = { type: 'user', user: r.uint64() }
      break
    case 18:
      m = { type: 'group', group: r.bytes() }
      break
    default:
      r.skip(tag)
      m = { type: 'unknown', name: String(tag >>> 3) }
  }
  r.finish(end)
  return m
}

function writeChat(w: Writer, m: Chat): void {
  switch (m.type) {
    case 'user':
      w.uint(8, m.user)
      break
    case 'group':
      w.bytes(18, m.group)
      break
    case 'unknown':
      throw new TypeError('An unknown Chat cannot be encoded')
    default:
      m satisfies never
  }
}

function readVersion(r: Reader, end: number): Version {
  let epoch: number = 0
  let hash: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        epoch = r.uint32()
        break
      case 18:
        hash = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { epoch, hash }
}

function writeVersion(w: Writer, m: Version): void {
  if (m.hash.length !== 0) w.bytes(18, m.hash)
  if (m.epoch !== 0) w.uint(8, m.epoch)
}

function readMessageReference(r: Reader, end: number): MessageReference {
  let user: number = 0
  let device: number = 0
  let id: string = ''
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        user = r.uint64()
        break
      case 16:
        device = r.uint32()
        break
      case 26:
        id = r.uuid()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { user, device, id }
}

function writeMessageReference(w: Writer, m: MessageReference): void {
  if (m.id !== '') w.uuid(26, m.id)
  if (m.device !== 0) w.uint(16, m.device)
  if (m.user !== 0) w.uint(8, m.user)
}

function readBody(r: Reader, end: number): Body {
  if (r.pos === end) r.fail('Body is empty')
  const tag = r.tag()
  let m: Body
  switch (tag) {
    case 10:
      m = readText(r, r.end())
      break
    case 18:
      m = readLocation(r, r.end())
      break
    case 26:
      m = readContact(r, r.end())
      break
    case 34:
      m = readReaction(r, r.end())
      break
    case 42:
      m = readEdit(r, r.end())
      break
    case 50:
      m = readDelete(r, r.end())
      break
    case 98:
      m = readSentTranscript(r, r.end())
      break
    case 106:
      m = readReadSync(r, r.end())
      break
    case 114:
      m = readArchive(r, r.end())
      break
    case 122:
      m = readResend(r, r.end())
      break
    case 130:
      m = readSessionAck(r, r.end())
      break
    case 138:
      m = readNull(r, r.end())
      break
    case 146:
      m = readTrustSync(r, r.end())
      break
    default:
      r.skip(tag)
      m = { type: 'unknown', name: String(tag >>> 3) }
  }
  r.finish(end)
  return m
}

function writeBody(w: Writer, m: Body): void {
  switch (m.type) {
    case 'text': {
      const size = w.size
      writeText(w, m)
      w.message(10, size)
      break
    }
    case 'location': {
      const size = w.size
      writeLocation(w, m)
      w.message(18, size)
      break
    }
    case 'contact': {
      const size = w.size
      writeContact(w, m)
      w.message(26, size)
      break
    }
    case 'reaction': {
      const size = w.size
      writeReaction(w, m)
      w.message(34, size)
      break
    }
    case 'edit': {
      const size = w.size
      writeEdit(w, m)
      w.message(42, size)
      break
    }
    case 'delete': {
      const size = w.size
      writeDelete(w, m)
      w.message(50, size)
      break
    }
    case 'sentTranscript': {
      const size = w.size
      writeSentTranscript(w, m)
      w.message(98, size)
      break
    }
    case 'readSync': {
      const size = w.size
      writeReadSync(w, m)
      w.message(106, size)
      break
    }
    case 'archive': {
      const size = w.size
      writeArchive(w, m)
      w.message(114, size)
      break
    }
    case 'resend': {
      const size = w.size
      writeResend(w, m)
      w.message(122, size)
      break
    }
    case 'sessionAck': {
      const size = w.size
      writeSessionAck(w, m)
      w.message(130, size)
      break
    }
    case 'null': {
      const size = w.size
      writeNull(w, m)
      w.message(138, size)
      break
    }
    case 'trustSync': {
      const size = w.size
      writeTrustSync(w, m)
      w.message(146, size)
      break
    }
    case 'unknown':
      throw new TypeError('An unknown Body cannot be encoded')
    default:
      m satisfies never
  }
}

function readText(r: Reader, end: number): TextBody {
  let text: string = ''
  let preview: LinkPreview | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        text = r.string()
        break
      case 18:
        preview = readLinkPreview(r, r.end())
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'text', text, ...(preview !== undefined && { preview }) }
}

function writeText(w: Writer, m: TextBody): void {
  if (m.preview !== undefined) {
    const size = w.size
    writeLinkPreview(w, m.preview)
    w.message(18, size)
  }
  if (m.text !== '') w.string(10, m.text)
}

function readLinkPreview(r: Reader, end: number): LinkPreview {
  let url: string = ''
  let title: string = ''
  let description: string = ''
  let thumbnail: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        url = r.string()
        break
      case 18:
        title = r.string()
        break
      case 26:
        description = r.string()
        break
      case 34:
        thumbnail = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { url, title, description, thumbnail }
}

function writeLinkPreview(w: Writer, m: LinkPreview): void {
  if (m.thumbnail.length !== 0) w.bytes(34, m.thumbnail)
  if (m.description !== '') w.string(26, m.description)
  if (m.title !== '') w.string(18, m.title)
  if (m.url !== '') w.string(10, m.url)
}

function readLocation(r: Reader, end: number): LocationBody {
  let latitude: number = 0
  let longitude: number = 0
  let name: string = ''
  let address: string = ''
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 9:
        latitude = r.double()
        break
      case 17:
        longitude = r.double()
        break
      case 26:
        name = r.string()
        break
      case 34:
        address = r.string()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'location', latitude, longitude, name, address }
}

function writeLocation(w: Writer, m: LocationBody): void {
  if (m.address !== '') w.string(34, m.address)
  if (m.name !== '') w.string(26, m.name)
  if (!Object.is(m.longitude, 0)) w.double(17, m.longitude)
  if (!Object.is(m.latitude, 0)) w.double(9, m.latitude)
}

function readContact(r: Reader, end: number): ContactBody {
  let name: string = ''
  let phone: string = ''
  let vcard: string = ''
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        name = r.string()
        break
      case 18:
        phone = r.string()
        break
      case 26:
        vcard = r.string()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'contact', name, phone, vcard }
}

function writeContact(w: Writer, m: ContactBody): void {
  if (m.vcard !== '') w.string(26, m.vcard)
  if (m.phone !== '') w.string(18, m.phone)
  if (m.name !== '') w.string(10, m.name)
}

function readReaction(r: Reader, end: number): ReactionBody {
  let target: MessageReference | undefined
  let emoji: string = ''
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        target = readMessageReference(r, r.end())
        break
      case 18:
        emoji = r.string()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'reaction', target: target ?? readMessageReference(r, r.pos), emoji }
}

function writeReaction(w: Writer, m: ReactionBody): void {
  if (m.emoji !== '') w.string(18, m.emoji)
  {
    const size = w.size
    writeMessageReference(w, m.target)
    w.message(10, size)
  }
}

function readEdit(r: Reader, end: number): EditBody {
  let target: MessageReference | undefined
  let text: string = ''
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        target = readMessageReference(r, r.end())
        break
      case 18:
        text = r.string()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'edit', target: target ?? readMessageReference(r, r.pos), text }
}

function writeEdit(w: Writer, m: EditBody): void {
  if (m.text !== '') w.string(18, m.text)
  {
    const size = w.size
    writeMessageReference(w, m.target)
    w.message(10, size)
  }
}

function readDelete(r: Reader, end: number): DeleteBody {
  let target: MessageReference | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        target = readMessageReference(r, r.end())
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'delete', target: target ?? readMessageReference(r, r.pos) }
}

function writeDelete(w: Writer, m: DeleteBody): void {
  {
    const size = w.size
    writeMessageReference(w, m.target)
    w.message(10, size)
  }
}

function readSentTranscript(r: Reader, end: number): SentTranscriptBody {
  let content: Uint8Array = NO_BYTES
  let order: number = 0
  let sentAt: number = 0
  let deliveredTo: number[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        content = r.bytes()
        break
      case 16:
        order = r.uint64()
        break
      case 24:
        sentAt = r.uint64()
        break
      case 34: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          deliveredTo ??= []
          deliveredTo.push(value)
        }
        r.finish(last)
        break
      }
      case 32: {
        const value = r.uint32()
        deliveredTo ??= []
        deliveredTo.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'sentTranscript', content, order, sentAt, deliveredTo: deliveredTo ?? [] }
}

function writeSentTranscript(w: Writer, m: SentTranscriptBody): void {
  if (m.deliveredTo.length !== 0) {
    const size = w.size
    for (let i = m.deliveredTo.length - 1; i >= 0; i--) w.packed(m.deliveredTo[i]!)
    w.message(34, size)
  }
  if (m.sentAt !== 0) w.uint(24, m.sentAt)
  if (m.order !== 0) w.uint(16, m.order)
  if (m.content.length !== 0) w.bytes(10, m.content)
}

function readReadSync(r: Reader, end: number): ReadSyncBody {
  let read: MessageReference[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10: {
        const value = readMessageReference(r, r.end())
        read ??= []
        read.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'readSync', read: read ?? [] }
}

function writeReadSync(w: Writer, m: ReadSyncBody): void {
  for (let i = m.read.length - 1; i >= 0; i--) {
    const size = w.size
    writeMessageReference(w, m.read[i]!)
    w.message(10, size)
  }
}

function readArchive(r: Reader, end: number): ArchiveBody {
  let messages: ArchivedMessage[] | undefined
  let last: boolean = false
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10: {
        const value = readArchivedMessage(r, r.end())
        messages ??= []
        messages.push(value)
        break
      }
      case 16:
        last = r.bool()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'archive', messages: messages ?? [], last }
}

function writeArchive(w: Writer, m: ArchiveBody): void {
  if (m.last) w.bool(16, m.last)
  for (let i = m.messages.length - 1; i >= 0; i--) {
    const size = w.size
    writeArchivedMessage(w, m.messages[i]!)
    w.message(10, size)
  }
}

function readArchivedMessage(r: Reader, end: number): ArchivedMessage {
  let chat: number = 0
  let user: number = 0
  let device: number = 0
  let sentAt: number = 0
  let read: boolean = false
  let content: Uint8Array = NO_BYTES
  let order: number = 0
  let status: number = 0
  let deliveredTo: number[] | undefined
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        chat = r.uint64()
        break
      case 16:
        user = r.uint64()
        break
      case 24:
        device = r.uint32()
        break
      case 32:
        sentAt = r.uint64()
        break
      case 40:
        read = r.bool()
        break
      case 50:
        content = r.bytes()
        break
      case 56:
        order = r.uint64()
        break
      case 64:
        status = r.uint32()
        break
      case 74: {
        const last = r.end()
        while (r.pos < last) {
          const value = r.uint32()
          deliveredTo ??= []
          deliveredTo.push(value)
        }
        r.finish(last)
        break
      }
      case 72: {
        const value = r.uint32()
        deliveredTo ??= []
        deliveredTo.push(value)
        break
      }
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { chat, user, device, sentAt, read, content, order, status, deliveredTo: deliveredTo ?? [] }
}

function writeArchivedMessage(w: Writer, m: ArchivedMessage): void {
  if (m.deliveredTo.length !== 0) {
    const size = w.size
    for (let i = m.deliveredTo.length - 1; i >= 0; i--) w.packed(m.deliveredTo[i]!)
    w.message(74, size)
  }
  if (m.status !== 0) w.uint(64, m.status)
  if (m.order !== 0) w.uint(56, m.order)
  if (m.content.length !== 0) w.bytes(50, m.content)
  if (m.read) w.bool(40, m.read)
  if (m.sentAt !== 0) w.uint(32, m.sentAt)
  if (m.device !== 0) w.uint(24, m.device)
  if (m.user !== 0) w.uint(16, m.user)
  if (m.chat !== 0) w.uint(8, m.chat)
}

function readTrustSync(r: Reader, end: number): TrustSyncBody {
  let user: number = 0
  let accountKey: Uint8Array = NO_BYTES
  let verified: boolean = false
  let accepted: boolean = false
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 8:
        user = r.uint64()
        break
      case 18:
        accountKey = r.bytes()
        break
      case 24:
        verified = r.bool()
        break
      case 32:
        accepted = r.bool()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'trustSync', user, accountKey, verified, accepted }
}

function writeTrustSync(w: Writer, m: TrustSyncBody): void {
  if (m.accepted) w.bool(32, m.accepted)
  if (m.verified) w.bool(24, m.verified)
  if (m.accountKey.length !== 0) w.bytes(18, m.accountKey)
  if (m.user !== 0) w.uint(8, m.user)
}

function readResend(r: Reader, end: number): ResendBody {
  let content: Uint8Array = NO_BYTES
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 10:
        content = r.bytes()
        break
      default:
        r.skip(tag)
    }
  }
  r.finish(end)
  return { type: 'resend', content }
}

function writeResend(w: Writer, m: ResendBody): void {
  if (m.content.length !== 0) w.bytes(10, m.content)
}

function readSessionAck(r: Reader, end: number): SessionAckBody {
  while (r.pos < end) {
    const tag = r.tag()
    r.skip(tag)
  }
  r.finish(end)
  return { type: 'sessionAck' }
}

function writeSessionAck(_w: Writer, _m: SessionAckBody): void {
}

function readNull(r: Reader, end: number): NullBody {
  while (r.pos < end) {
    const tag = r.tag()
    r.skip(tag)
  }
  r.finish(end)
  return { type: 'null' }
}

function writeNull(_w: Writer, _m: NullBody): void {
}
