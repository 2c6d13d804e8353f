import type { Client, IncomingMessage } from '../../client/index.ts'
import { parseCommand } from './commands.ts'
import type { LineReader } from './line-reader.ts'
import { formatPhone } from './phone.ts'
import { clockTime } from './times.ts'
import { bodyText, connectionText, refusalText, stopText, ticks } from './words.ts'

const LAST_WORDS_MS = 15_000

/**
 * Chats line by line, for pipes and scripts: every line of the input is a message or a command, every message that comes
 * is printed. When the input ends, it leaves as soon as all is accepted.
 *
 * @returns whether all that was sent was accepted
 */
export async function runPlain(client: Client, peer: number | undefined, lines: LineReader): Promise<boolean> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  let to = peer
  let allAccepted = true
  const unanswered = new Set<Promise<unknown>>()
  const show = (message: IncomingMessage): void => {
    print(`${clockTime(message.sentAt)} ${formatPhone(message.chat)}: ${bodyText(message.body)}`)
    client.markRead([message]).catch(() => {})
  }
  client.on('message', show)
  client.on('receipt', (message) =>
    print(`${ticks(message, false)} ${formatPhone(message.chat)}: ${bodyText(message.body)}`),
  )
  client.on('connection', (state) => print(`-- ${stopText(state) ?? connectionText(state, Date.now())}`))
  client.on('error', ({ code, message }) => print(`-- ${refusalText(code, message)}`))

  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const command = parseCommand(line)
    if (command.type === 'quit') break
    if (command.type === 'open') to = command.user
    else if (command.type === 'offline') client.disconnect()
    else if (command.type === 'online') client.connect()
    else if (command.type === 'send' && to !== undefined) {
      const answer = client.whenAccepted(client.sendText(to, command.text)).catch(() => {
        allAccepted = false
      })
      unanswered.add(answer)
      void answer.finally(() => unanswered.delete(answer))
    } else if (command.type === 'send') print('-- Whom to? /to +15550000002')
    else if (command.type !== 'nothing') print(command.type === 'wrong' ? `-- ${command.why}` : '-- Not here')
  }
  const timer = setTimeout(() => void client.close(), LAST_WORDS_MS)
  await Promise.all(unanswered)
  clearTimeout(timer)
  return allAccepted
}
