import { readFile, readdir, writeFile } from 'node:fs/promises'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { openFileStore, RefusedError, register, StoreLockedError, verify } from '../../client/node.ts'
import type { Store } from '../../client/node.ts'
import { formatPhone, parsePhone } from './phone.ts'
import { refusalText } from './words.ts'

/** Something that a person can do something about: shown as it is, without a stack. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
}

export interface AccountOptions {
  /** The server; undefined: the one of the last time, else the one of `npm start`. */
  readonly url: string | undefined
  /** The directory of this account; undefined: one below ~/.parley. */
  readonly data: string | undefined
  /** How this device is called in the account's list of devices. */
  readonly name: string | undefined
  /** Registers even if this device is registered. */
  readonly register: boolean
}

export interface Account {
  readonly user: number
  readonly url: string
  readonly store: Store
  /** Only after a registration. */
  readonly token?: string
}

/** Asks the person; undefined when the input has ended. */
export type Ask = (question: string) => Promise<string | undefined>

interface Saved {
  readonly url: string
}

const DEFAULT_URL = 'http://localhost:3000'

/** The phone number of the account to use: the one given, the only one on this machine, or the one that is typed. */
export async function choosePhone(given: string | undefined, ask: Ask): Promise<number> {
  if (given !== undefined) return requirePhone(given)
  const known = await readRegistered()
  const [only, ...others] = known
  if (only !== undefined && others.length === 0) return only
  if (known.length > 0) process.stdout.write(`Accounts on this machine: ${known.map(formatPhone).join(', ')}\n`)
  const typed = await ask('Your phone number (for example +15550000001): ')
  if (typed === undefined) throw new ChatError('\nName your phone number: npm run chat -- +15550000001')
  return requirePhone(typed)
}

/** The phone numbers that were registered on this machine. */
async function readRegistered(): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir(baseDirectory()).catch(() => [])) {
    const user = parsePhone(name)
    if (user !== undefined && (await readSaved(join(baseDirectory(), name))) !== undefined) found.push(user)
  }
  return found
}

/** Opens the account of a phone number on this machine, and registers it first where it is new. */
export async function openAccount(user: number, options: AccountOptions, ask: Ask): Promise<Account> {
  const directory = options.data ?? join(baseDirectory(), String(user))
  const store = await openStore(join(directory, 'store'), user)
  try {
    const saved = await readSaved(directory)
    const url = options.url ?? saved?.url ?? DEFAULT_URL
    if (!URL.canParse(url)) throw new ChatError(`${url} is not an address: try ${DEFAULT_URL}`)
    if (saved !== undefined && !options.register) {
      if (saved.url !== url) {
        const advice = `Use --data for another directory, or --register to move the account to ${url}.`
        throw new ChatError(`${formatPhone(user)} is registered at ${saved.url}. ${advice}`)
      }
      return { user, url, store }
    }
    const token = await registerDevice(user, url, options.name ?? `Terminal on ${hostname()}`, ask)
    await writeFile(join(directory, 'account.json'), JSON.stringify({ url } satisfies Saved), { mode: 0o600 })
    return { user, url, store, token }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore(directory: string, user: number): Promise<Store> {
  try {
    return await openFileStore(directory)
  } catch (error) {
    if (error instanceof StoreLockedError) {
      throw new ChatError(`${formatPhone(user)} is open in another terminal of this machine.`, { cause: error })
    }
    throw new ChatError(`Cannot use the directory ${directory}: ${String((error as Error).message)}`, { cause: error })
  }
}

async function readSaved(directory: string): Promise<Saved | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, 'account.json'), 'utf8')) as Saved
  } catch {
    return undefined
  }
}

async function registerDevice(user: number, url: string, name: string, ask: Ask): Promise<string> {
  const phone = formatPhone(user)
  try {
    await register(url, phone)
  } catch (error) {
    throw explain(error, url)
  }
  process.stdout.write(`A code was sent to ${phone}. A server started with npm start prints it in its own terminal.\n`)
  let pin: string | undefined
  let code: string | undefined
  for (;;) {
    code ??= await askFor('Code: ', ask)
    try {
      const account = await verify(url, phone, code, {
        name,
        platform: 'terminal',
        ...(pin === undefined ? {} : { pin }),
      })
      return account.token
    } catch (error) {
      if (!(error instanceof RefusedError) || (error.code !== 'WRONG_CODE' && error.code !== 'PIN_REQUIRED')) {
        throw explain(error, url)
      }
      process.stdout.write(`${refusalText(error.code, error.message)}\n`)
      if (error.code === 'PIN_REQUIRED') pin = await askFor('PIN: ', ask)
      else code = undefined
    }
  }
}

async function askFor(question: string, ask: Ask): Promise<string> {
  for (;;) {
    const answer = await ask(question)
    if (answer === undefined) throw new ChatError('Registration was not finished.')
    if (answer.trim() !== '') return answer.replaceAll(/\s/g, '')
  }
}

function explain(error: unknown, url: string): unknown {
  if (!(error instanceof RefusedError)) return error
  if (error.code === 'UNREACHABLE') {
    return new ChatError(`No server answers at ${url}. Start one with npm start, or name another one with --url.`)
  }
  const wait = error.retryAfterMs > 0 ? ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.` : ''
  return new ChatError(refusalText(error.code, error.message) + wait, { cause: error })
}

function requirePhone(text: string): number {
  const user = parsePhone(text)
  if (user === undefined) throw new ChatError(`"${text}" is not a phone number: it looks like +15550000001`)
  return user
}

function baseDirectory(): string {
  return join(homedir(), '.parley')
}
