import { hostname } from 'node:os'
import { join } from 'node:path'
import { openFileStore, StoreKeyError, StoreLockedError } from '../../client/node.ts'
import type { Store } from '../../client/node.ts'
import { ChatError } from './chat-error.ts'
import type { Ask, Choice } from './choose-account.ts'
import { formatPhone } from './phone.ts'
import { registerDevice, restoreDevice } from './registration.ts'
import { writeSaved } from './saved-accounts.ts'
import type { SavedAccount } from './saved-accounts.ts'
import { parseServerUrl } from '../server-url.ts'

export interface AccountOptions {
  /** The server; undefined: the one of the last time, else the one of `npm start`. */
  readonly url: string | undefined
  /** How this device is called in the account's list of devices. */
  readonly name: string | undefined
  /** Registers even if this device is registered. */
  readonly register: boolean
  /** Brings the account back from its backup. */
  readonly restore: boolean
  /** The server of the account has the new address `url`. */
  readonly moved: boolean
}

export interface Account {
  readonly user: number
  readonly url: string
  readonly store: Store
}

const DEFAULT_URL = 'http://localhost:3000'

/** Opens an account on this machine, and registers it first where it is new. */
export async function openAccount(choice: Choice, options: AccountOptions, ask: Ask): Promise<Account> {
  const { user, directory, saved } = choice
  const url = requireUrl(options.url ?? saved?.url)
  if (saved !== undefined && !options.register && requireUrl(saved.url) !== url) {
    // Another server would get the token of this one.
    if (!options.moved) throw new ChatError(elsewhereText(saved, url))
    await writeSaved({ ...saved, url })
  }
  if (saved !== undefined && options.restore) {
    throw new ChatError(`${formatPhone(user)} is on this machine already. Use --data for another directory.`)
  }
  const store = await openStore(directory, `${formatPhone(user)} is open`)
  try {
    if (saved === undefined || options.register) {
      const begin = options.restore ? restoreDevice : registerDevice
      await begin(user, url, { store, name: options.name ?? defaultName(), platform: 'terminal' }, ask)
      await writeSaved({ directory, url, user, device: 1, savedAt: Date.now() })
    }
    return { user, url, store }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** How a device is called whose owner names none. */
export function defaultName(): string {
  return `Terminal on ${hostname()}`
}

/** @throws {ChatError} when it is no address of a server */
export function requireUrl(typed = DEFAULT_URL): string {
  const url = parseServerUrl(typed)
  if (url === undefined) throw new ChatError(`${typed} is not an address: try ${DEFAULT_URL}`)
  return url
}

function elsewhereText(saved: SavedAccount, url: string): string {
  return [
    `${formatPhone(saved.user)} is an account of ${saved.url}, not of ${url}.`,
    'Leave --url out to use it there, or use --data for another directory.',
    'If that server has a new address, add --moved.',
  ].join('\n')
}

/** @param locked - who has it, where it is open already */
export async function openStore(directory: string, locked: string): Promise<Store> {
  try {
    return await openFileStore(join(directory, 'store'))
  } catch (error) {
    if (error instanceof StoreLockedError) {
      throw new ChatError(`${locked} in another terminal of this machine.`, { cause: error })
    }
    if (error instanceof StoreKeyError) throw new ChatError(`${error.message}.`, { cause: error })
    throw new ChatError(`Cannot use the directory ${directory}: ${String((error as Error).message)}`, { cause: error })
  }
}
