import { Command } from 'commander'
import { Client } from '../../client/node.ts'
import { openAccount } from './account.ts'
import type { Account } from './account.ts'
import { ChatError } from './chat-error.ts'
import { chooseAccount } from './choose-account.ts'
import { Contacts } from './contacts.ts'
import { EndSignal } from './end-signal.ts'
import { runFullScreen } from './full-screen.ts'
import { LineReader } from './line-reader.ts'
import { linkAccount } from './linked-account.ts'
import { Names } from './names.ts'
import { runPlain } from './plain.ts'
import { printable } from './printable.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly url?: string
  readonly data?: string
  readonly name?: string
  readonly register?: boolean
  readonly restore?: boolean
  readonly moved?: boolean
  readonly link?: boolean
  readonly device?: number
  readonly askIdentities?: boolean
}

const program = new Command('npm run chat --')
  .description('Chat in the terminal: registers a phone number on its first start, and goes on where you left later.')
  .argument('[phone]', 'your phone number, for example +15550000001')
  .argument('[to]', 'the phone number to chat with, or the name that you gave it')
  .option('--url <url>', 'the server (default: http://localhost:3000)')
  .option('--data <directory>', 'where to keep the account (default: one in ~/.parley)')
  .option('--name <name>', 'how this device is called in your list of devices')
  .option('--moved', 'the server of the account has a new address, the one of --url')
  .option(
    '--register',
    'begin again with new keys, for example after the server has lost its data: your other devices end, and people are told',
  )
  .option(
    '--restore',
    'bring your account back from its backup, with its recovery key (see /backup): your other devices have to be linked again',
  )
  .option('--link', 'become a further device of an account, with the consent of its first device: see /link there')
  .option('--device <number>', 'which of several devices of the account on this machine', wholeNumber)
  .option('--ask-identities', 'send nothing to somebody who has new keys before you accept them: see /safety')
  .action(run)

async function run(phone: string | undefined, to: string | undefined, options: Options): Promise<void> {
  const lines = new LineReader()
  // Which account it is, the device that links it says: then the only number is the one to chat with.
  const [own, other] = options.link === true ? [undefined, phone] : [phone, to]
  if (options.link === true && to !== undefined) throw new ChatError('With --link, name only the number to chat with.')
  const { user, url, store } = await open(own, other, options, lines)
  const contacts = await Contacts.open(store)
  const peer = other === undefined ? undefined : requirePeer(other, contacts.names)
  const identityChanges = options.askIdentities === true ? 'ask' : 'accept'
  const client = await Client.open({ url, store, identityChanges })
  const chat = { server: new URL(url).host, peer, contacts }
  let code = 0
  if (process.stdin.isTTY && process.stdout.isTTY) {
    lines.close()
    code = await runFullScreen(client, { self: user, ...chat, endSignal: new EndSignal().came })
  } else if (!(await runPlain(client, chat, lines))) code = 1
  await client.close()
  // A socket may linger after the closing handshake has begun.
  process.exit(code)
}

async function open(
  phone: string | undefined,
  other: string | undefined,
  options: Options,
  lines: LineReader,
): Promise<Account> {
  const { url, data, name, device, register = false, restore = false, moved = false } = options
  if (options.link === true) {
    if (other !== undefined) requirePeer(other, new Names())
    return linkAccount({ url, data, name })
  }
  const ask = (question: string): Promise<string | undefined> => lines.ask(question)
  const choice = await chooseAccount({ phone, device, data, register: register || restore }, ask)
  // A new account has no names: what is wrong is told before a code is sent.
  if (other !== undefined && choice.saved === undefined) requirePeer(other, new Names())
  return openAccount(choice, { url, name, register, restore, moved }, ask)
}

function requirePeer(typed: string, names: Names): number {
  const meant = names.resolve(typed)
  if ('why' in meant) throw new ChatError(meant.why)
  return meant.user
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`)
  process.exit(1)
}
