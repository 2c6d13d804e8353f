import { Reader } from '../../proto/reader.ts'
import { Writer } from '../../proto/writer.ts'

/**
 * What one node has for another at the end of a tick, in one message: requests for subjects that the other is known to
 * hear, and replies to requests of its own.
 */
export interface NodeMail {
  /** The node that sends it. */
  readonly node: string
  readonly items: readonly MailItem[]
}

/** `number` is the asking node's own for its request. */
export type MailItem =
  | { readonly type: 'request'; readonly number: number; readonly subject: string; readonly data: Uint8Array }
  | { readonly type: 'reply'; readonly number: number; readonly data: Uint8Array }
  /** Nobody on the asked node hears the subject of that request. */
  | { readonly type: 'nobody'; readonly number: number }

const MailField = { node: 1, request: 2, reply: 3, nobody: 4 } as const
const RequestField = { number: 1, subject: 2, data: 3 } as const
const ReplyField = { number: 1, data: 2 } as const

const varint = (field: number): number => field << 3
const bytes = (field: number): number => (field << 3) | 2

const NO_BYTES: Uint8Array = new Uint8Array(0)
const writer = new Writer()
const reader = new Reader()

/** In the protobuf wire format. Field numbers stay, so that nodes of two versions understand each other. */
export function encodeMail({ node, items }: NodeMail): Uint8Array {
  writer.begin()
  for (let i = items.length - 1; i >= 0; i--) writeItem(items[i]!)
  writer.string(bytes(MailField.node), node)
  return writer.finish().slice()
}

/** The data of the items are views of `data`. @throws DecodeError */
export function decodeMail(data: Uint8Array): NodeMail {
  reader.open(data)
  const items: MailItem[] = []
  let node = ''
  while (reader.pos < data.length) {
    const tag = reader.tag()
    const field = tag >> 3
    if (field === MailField.node) node = reader.string()
    else if (field === MailField.request) items.push(readRequest(reader.end()))
    else if (field === MailField.reply) items.push(readReply(reader.end()))
    else if (field === MailField.nobody) items.push({ type: 'nobody', number: reader.uint64() })
    else reader.skip(tag)
  }
  reader.finish(data.length)
  return { node, items }
}

function writeItem(item: MailItem): void {
  if (item.type === 'nobody') return writer.uint(varint(MailField.nobody), item.number)
  const before = writer.size
  if (item.type === 'request') {
    writer.bytes(bytes(RequestField.data), item.data)
    writer.string(bytes(RequestField.subject), item.subject)
    writer.uint(varint(RequestField.number), item.number)
    writer.message(bytes(MailField.request), before)
  } else {
    writer.bytes(bytes(ReplyField.data), item.data)
    writer.uint(varint(ReplyField.number), item.number)
    writer.message(bytes(MailField.reply), before)
  }
}

function readRequest(end: number): MailItem {
  let number = 0
  let subject = ''
  let data = NO_BYTES
  while (reader.pos < end) {
    const tag = reader.tag()
    const field = tag >> 3
    if (field === RequestField.number) number = reader.uint64()
    else if (field === RequestField.subject) subject = reader.string()
    else if (field === RequestField.data) data = reader.view()
    else reader.skip(tag)
  }
  reader.finish(end)
  return { type: 'request', number, subject, data }
}

function readReply(end: number): MailItem {
  let number = 0
  let data = NO_BYTES
  while (reader.pos < end) {
    const tag = reader.tag()
    const field = tag >> 3
    if (field === ReplyField.number) number = reader.uint64()
    else if (field === ReplyField.data) data = reader.view()
    else reader.skip(tag)
  }
  reader.finish(end)
  return { type: 'reply', number, data }
}
