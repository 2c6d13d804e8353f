import { Command } from 'commander'
import { Client } from '../../client/node.ts'
import { ChatError, choosePhone, openAccount } from './account.ts'
import { runFullScreen } from './full-screen.ts'
import { LineReader } from './line-reader.ts'
import { parsePhone } from './phone.ts'
import { runPlain } from './plain.ts'

interface Options {
  readonly url?: string
  readonly data?: string
  readonly name?: string
  readonly register?: boolean
}

const program = new Command('npm run chat --')
  .description('Chat in the terminal: registers a phone number on its first start, and goes on where you left later.')
  .argument('[phone]', 'your phone number, for example +15550000001')
  .argument('[to]', 'the phone number to chat with')
  .option('--url <url>', 'the server (default: http://localhost:3000)')
  .option('--data <directory>', 'where to keep the account (default: ~/.parley/<phone>)')
  .option('--name <name>', 'how this device is called in your list of devices')
  .option('--register', 'register again, for example after the server has lost its data')
  .action(run)

async function run(phone: string | undefined, to: string | undefined, options: Options): Promise<void> {
  const peer = to === undefined ? undefined : parsePhone(to)
  if (to !== undefined && peer === undefined) throw new ChatError(`"${to}" is not a phone number`)
  const lines = new LineReader()
  const ask = (question: string): Promise<string | undefined> => lines.ask(question)
  const { url, data, name, register } = options
  const account = await openAccount(
    await choosePhone(phone, ask),
    { url, data, name, register: register === true },
    ask,
  )
  const { user, store, token } = account
  const client = await Client.open({ url: account.url, store, ...(token === undefined ? {} : { token }) })
  let good = true
  if (process.stdin.isTTY && process.stdout.isTTY) {
    lines.close()
    await runFullScreen(client, user, peer)
  } else good = await runPlain(client, peer, lines)
  await client.close()
  // A socket may linger after the closing handshake has begun.
  process.exit(good ? 0 : 1)
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
