import { rm } from 'node:fs/promises'
import { linkDevice, ParleyError } from '../../client/node.ts'
import { defaultName, openStore, requireUrl } from './account.ts'
import type { Account } from './account.ts'
import { ChatError } from './chat-error.ts'
import { formatPhone } from './phone.ts'
import { qrLines } from './qr.ts'
import { explain } from './registration.ts'
import { newLinkedDirectory, readSaved, writeSaved } from './saved-accounts.ts'
import { findLinkingText } from './refusals.ts'
import { formatDigits } from './words.ts'

export interface LinkedAccountOptions {
  readonly url: string | undefined
  /** Where to keep the account; undefined: a new directory below ~/.parley. */
  readonly data: string | undefined
  readonly name: string | undefined
}

/** Makes this a further device of an account whose primary device consents: which account, it says. */
export async function linkAccount(options: LinkedAccountOptions): Promise<Account> {
  const url = requireUrl(options.url)
  const directory = options.data ?? newLinkedDirectory()
  const saved = await readSaved(directory)
  if (saved !== undefined) {
    throw new ChatError(`${directory} holds ${formatPhone(saved.user)} already. Use --data for another directory.`)
  }
  const store = await openStore(directory, `${directory} is open`)
  try {
    const device = { store, name: options.name ?? defaultName(), platform: 'terminal' }
    const account = await linkDevice(url, { ...device, showCode, showDigits })
    await writeSaved({ directory, url, user: account.user, device: account.device, savedAt: Date.now() })
    print(`Linked: this is device ${account.device} of ${formatPhone(account.user)}.`)
    return { user: account.user, url, store }
  } catch (error) {
    await store.close()
    if (options.data === undefined) await rm(directory, { recursive: true, force: true })
    throw explainLinking(error, url)
  }
}

/** The picture comes last, so that all of it is on a small screen. */
function showCode(code: string): void {
  print(
    'Within two minutes, scan this code with the first device of the account, or type /link there and paste what follows:\n',
  )
  print(`/link ${code}\n`)
  print(qrLines(code).join('\n'))
}

function showDigits(digits: string): void {
  print(`\nThe first device must show the same digits: ${formatDigits(digits)}`)
  print('If it does, say yes there. If it does not, say no: somebody is in between.')
}

function explainLinking(error: unknown, url: string): unknown {
  if (!(error instanceof ParleyError)) return error
  const text = findLinkingText(error.code)
  return text === undefined ? explain(error, url) : new ChatError(text, { cause: error })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
