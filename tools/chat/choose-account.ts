import { ChatError } from './chat-error.ts'
import { readPhone } from '../../src/shared/phone-number.ts'
import { formatPhone } from './phone.ts'
import { listSaved, primaryDirectory, readSaved } from './saved-accounts.ts'
import type { SavedAccount } from './saved-accounts.ts'
import { oneLine } from './text.ts'

/** Asks the person; undefined when the input has ended. */
export type Ask = (question: string) => Promise<string | undefined>

export interface Wish {
  readonly phone: string | undefined
  /** The number of the device, where this machine has several of the account. */
  readonly device: number | undefined
  /** The directory of the account; undefined: one below ~/.parley. */
  readonly data: string | undefined
  /** The account is to be registered again. */
  readonly register: boolean
}

/** An account to be opened, and registered where nothing is saved. */
export interface Choice {
  readonly user: number
  readonly directory: string
  readonly saved: SavedAccount | undefined
}

/** The account that is meant: the one named, the only one on this machine, or the one that is typed. */
export async function chooseAccount(wish: Wish, ask: Ask): Promise<Choice> {
  if (wish.data !== undefined) return chooseDirectory(wish, wish.data, ask)
  const known = await listSaved()
  if (wish.phone !== undefined) return chooseDevice(requirePhone(wish.phone), wish, known)
  const [only, ...others] = known.filter(({ device }) => wish.device === undefined || device === wish.device)
  if (only !== undefined && others.length === 0) return { ...only, saved: only }
  if (known.length > 0) process.stdout.write(`Accounts on this machine: ${known.map(nameOf).join(', ')}\n`)
  return chooseDevice(await askPhone(ask), wish, known)
}

async function chooseDirectory({ phone }: Wish, directory: string, ask: Ask): Promise<Choice> {
  const saved = await readSaved(directory)
  const user = phone === undefined ? (saved?.user ?? (await askPhone(ask))) : requirePhone(phone)
  if (saved !== undefined && saved.user !== user) {
    throw new ChatError(`${directory} holds ${formatPhone(saved.user)}. Use --data for another directory.`)
  }
  return { user, directory, saved }
}

function chooseDevice(user: number, { device, register }: Wish, known: readonly SavedAccount[]): Choice {
  const own = known.filter((one) => one.user === user)
  const saved = register ? own.find((one) => one.device === 1) : findDevice(own, device)
  if (saved !== undefined) return { ...saved, saved }
  if (device !== undefined && device !== 1) {
    throw new ChatError(
      `Device ${device} of ${formatPhone(user)} is not on this machine. Make one: npm run chat -- --link`,
    )
  }
  return { user, directory: primaryDirectory(user), saved: undefined }
}

function findDevice(own: readonly SavedAccount[], device: number | undefined): SavedAccount | undefined {
  return device === undefined ? own[0] : own.find((one) => one.device === device)
}

async function askPhone(ask: Ask): Promise<number> {
  for (;;) {
    const typed = await ask('Your phone number (for example +15550000001): ')
    if (typed === undefined) throw new ChatError('\nName your phone number: npm run chat -- +15550000001')
    const user = readPhone(typed)
    if (user !== undefined) return user
    if (typed.trim() !== '') process.stdout.write(`${notAPhone(typed)}\n`)
  }
}

function requirePhone(text: string): number {
  const user = readPhone(text)
  if (user === undefined) throw new ChatError(notAPhone(text))
  return user
}

function notAPhone(typed: string): string {
  return `"${oneLine(typed, 40)}" is not a phone number: it looks like +15550000001`
}

function nameOf({ user, device }: SavedAccount): string {
  return device === 1 ? formatPhone(user) : `${formatPhone(user)} (--device ${device})`
}
