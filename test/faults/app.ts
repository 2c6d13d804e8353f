import { Client, openFileStore } from '../../client/node.ts'

/**
 * An app in a process of its own, to be killed: writes numbered messages to a peer, where it left off, reads what comes,
 * and tells on its standard output what was accepted and when all is done.
 */
const [url = '', directory = '', peer = '', messages = ''] = process.argv.slice(2)
const PACE_MS = 10
const to = Number(peer)
const total = Number(messages)

const store = await openFileStore(directory)
const client = await Client.open({ url, store, random: () => Math.random() / 10 })
const history = await client.history(to, { limit: 10 * total })
let written = history.filter(({ direction }) => direction === 'out').length
let shown = history.filter(({ direction }) => direction === 'in').length
const read = new Set<string>()
for (const message of history) if (message.direction === 'out' && message.status === 'read') read.add(message.id)

client.on('message', (message) => {
  shown++
  void client.markRead([message])
  tellProgress()
})
client.on('receipt', ({ id, status }) => {
  if (status === 'accepted' || status === 'delivered') tell({ accepted: id })
  if (status === 'read') read.add(id)
  tellProgress()
})
// What was shown and not marked before the process was killed.
await client.markChatRead(to)
tellProgress()
const timer = setInterval(() => {
  if (written >= total) return clearInterval(timer)
  client.sendText(to, `number ${written++}`)
}, PACE_MS)

function tellProgress(): void {
  tell({ shown, read: read.size })
}

function tell(news: AppNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`)
}

/** One line of its output. */
export interface AppNews {
  readonly accepted?: string
  readonly shown?: number
  readonly read?: number
}
