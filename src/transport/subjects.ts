import type { Address, UserId } from '../shared/ids.ts'

/** The subjects of the bus. A node's own begin with `parley.node.` and its id. */
export const subjects = {
  mailbox: ({ user, device }: Address): string => `parley.mailbox.${user}.${device}`,
  presence: (user: UserId): string => `parley.presence.${user}`,
  control: (user: UserId): string => `parley.control.${user}`,
  everyControl: 'parley.control.*',
  /** News at a rendezvous of a new device and its primary, named in hexadecimal. */
  link: (rendezvous: string): string => `parley.link.${rendezvous}`,
  /** What operators ask, by the NATS micro service. */
  status: 'parley.status',
  user: 'parley.user',
  drain: 'parley.drain',
  expire: 'parley.expire',
  /** What a node says of itself. */
  node: (node: string): string => `parley.node.${node}`,
  everyNode: 'parley.node.*',
  nodeInbox: (node: string): string => `parley.node.${node}.in`,
  /** Names a request in what NATS says of it; replies go to the inbox. */
  nodeReply: (node: string, number: number): string => `parley.node.${node}.reply.${number}`,
  /** Names the node that mail was for, when NATS finds it gone. */
  nodeGone: (node: string, to: string): string => `parley.node.${node}.gone.${to}`,
  /** Hears that nobody hears. */
  nodeUnanswered: (node: string): string => `parley.node.${node}.*.*`,
}

export interface RequestName {
  readonly node: string
  readonly number: number
}

/** Reads {@link subjects.nodeReply}; undefined when it is none. */
export function parseNodeReply(subject: string): RequestName | undefined {
  const [, , node, word, number] = subject.split('.')
  return node === undefined || word !== 'reply' ? undefined : { node, number: Number(number) }
}

/** Reads {@link subjects.nodeGone}: the node that is gone; undefined when it is none. */
export function parseNodeGone(subject: string): string | undefined {
  const [, , , word, to] = subject.split('.')
  return word === 'gone' ? to : undefined
}
