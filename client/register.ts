import { encodeBase64 } from '../proto/base64.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { choosePrimitives } from './crypto/primitives/platform.ts'
import type { CryptoProvider } from './crypto/primitives/provider.ts'
import { RefusedError } from './errors.ts'
import { DeviceState } from './device-state.ts'
import { request } from './http.ts'
import { firstKeysToJson } from './secrecy/http-key-server.ts'
import type { FirstKeys } from './secrecy/key-server.ts'
import { findAccount } from './secrecy/new-device.ts'
import type { KnownAccount } from './secrecy/new-device.ts'
import { makeKeys, markPublished } from './secrecy/own-keys.ts'
import { BufferedTransaction } from './store.ts'
import type { Store, Transaction } from './store.ts'

/** What a registration gives; the token is the device's only credential, and stands in the store too. */
export interface Account {
  readonly user: number
  readonly device: number
  readonly token: string
}

/** What asking for a code gives. */
export interface Asked {
  readonly expiresInSeconds: number
  /** The secret of this asking, for {@link verify}: with it nobody else uses up the tries. */
  readonly session: string
}

export interface VerifyOptions {
  /** Where the device's keys are made, and its token is kept. It is not closed. */
  readonly store: Store
  /** Shown in the list of the user's devices. */
  readonly name: string
  /** For example `node`, `web`. */
  readonly platform: string
  /** Of {@link register}. Without it tries count by phone number, where those of others count too. */
  readonly session?: string
  /** Demanded when the account has one. */
  readonly pin?: string
  readonly provider?: CryptoProvider
  readonly clock?: Clock
}

/**
 * Asks for a code, which goes to the phone by text message. Codes that came before stay good.
 *
 * @param url - the server
 * @param phone - with or without "+"
 * @returns for how long the code can be used, and the session to give with it
 * @throws {RefusedError} for example RATE_LIMITED, SMS_FAILED
 */
export async function register(url: string, phone: string): Promise<Asked> {
  const body = { phone: withPlus(phone) }
  const { expiresInSeconds, session } = await request<Asked>(url, { method: 'POST', path: '/v1/registrations', body })
  return { expiresInSeconds, session }
}

/**
 * Makes this device the primary one of the phone number, with keys of its own. Sessions of the primary before it end. An
 * account key that the store has goes on.
 *
 * @throws {RefusedError} for example WRONG_CODE, PIN_REQUIRED, RATE_LIMITED
 */
export async function verify(url: string, phone: string, code: string, options: VerifyOptions): Promise<Account> {
  const { store, provider, clock = systemClock } = options
  const primitives = await choosePrimitives(provider)
  const address = { user: Number(phone.replace('+', '')), device: 1 }
  const known = await store.transaction((transaction) => findAccount(transaction, address, false))
  const attempt = (account: KnownAccount | undefined): Promise<Account> =>
    registerWith(url, phone, code, options, (transaction) =>
      makeKeys({ primitives, clock }, transaction, address, { known: account }),
    )
  try {
    return await attempt(known)
  } catch (error) {
    // The server's chain of lists is another one: that of an account which was deleted, or of a lost device.
    if (known === undefined || !(error instanceof RefusedError) || error.code !== 'EPOCH_CONFLICT') throw error
    return attempt(undefined)
  }
}

async function registerWith(
  url: string,
  phone: string,
  code: string,
  options: VerifyOptions,
  make: (transaction: Transaction) => Promise<{ readonly keys: FirstKeys }>,
): Promise<Account> {
  const { store } = options
  // Made aside: a wrong code must not cost a device the keys that it has.
  const { changes, first } = await store.transaction(async (transaction) => {
    const aside = new BufferedTransaction(transaction)
    const made = await make(aside)
    return { changes: aside.changes, first: made.keys }
  })
  const account = await postVerify(url, phone, code, options, first)
  await store.transaction(async (transaction) => {
    for (const [key, value] of changes) {
      if (value === undefined) transaction.delete(key)
      else transaction.put(key, value)
    }
    ;(await DeviceState.read(transaction)).write(transaction, account)
    markPublished(transaction)
  })
  return account
}

/**
 * @param keys - undefined: they follow by other requests
 * @param backupId - of a backup that the account must have, else NOT_FOUND, and nothing is registered
 */
export async function postVerify(
  url: string,
  phone: string,
  code: string,
  { name, platform, session, pin }: Pick<VerifyOptions, 'name' | 'platform' | 'session' | 'pin'>,
  keys: FirstKeys | undefined,
  backupId?: Uint8Array,
): Promise<Account> {
  const body = {
    phone: withPlus(phone),
    code,
    device: { name, platform },
    ...(keys === undefined ? {} : { keys: firstKeysToJson(keys) }),
    ...(session === undefined ? {} : { session }),
    ...(backupId === undefined ? {} : { backupId: encodeBase64(backupId) }),
    ...(pin === undefined ? {} : { pin }),
  }
  const path = '/v1/registrations/verify'
  const answer = await request<{ user: string; device: number; token: string }>(url, { method: 'POST', path, body })
  return { user: Number(answer.user), device: answer.device, token: answer.token }
}

function withPlus(phone: string): string {
  return phone.startsWith('+') ? phone : `+${phone}`
}
