import { encodeBase64 } from '../proto/base64.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { encodeBase64Url } from './crypto/base64url.ts'
import { acceptGrant, answerOffer, showQr } from './crypto/linking/new-device.ts'
import { choosePrimitives } from './crypto/primitives/platform.ts'
import type { CryptoProvider } from './crypto/primitives/provider.ts'
import { DeviceState } from './device-state.ts'
import { request } from './http.ts'
import type { Account } from './register.ts'
import { preKeysToJson } from './secrecy/http-key-server.ts'
import { installKeys, markPublished } from './secrecy/own-keys.ts'
import { Rendezvous } from './secrecy/rendezvous.ts'
import type { Store } from './store.ts'

export interface LinkOptions {
  /** Where the device's keys are made, and its token is kept: an empty one. It is not closed. */
  readonly store: Store
  /** Shown to the user by the primary device, and in the list of devices. */
  readonly name: string
  /** For example `node`, `web`. */
  readonly platform: string
  /** To be shown as a QR code, or to be typed into the primary device. */
  showCode(code: string): void
  /** To be shown: the user compares them with those on the primary device. */
  showDigits(digits: string): void
  readonly provider?: CryptoProvider
  readonly clock?: Clock
}

/**
 * Makes this a further device of an account, with the consent of its primary one: see `Client.devices.link`.
 *
 * @throws {ParleyError} LINK_TIMEOUT; a code of {@link CryptoErrorCode} when somebody is between; {@link RefusedError}
 */
export async function linkDevice(url: string, options: LinkOptions): Promise<Account> {
  const { store, name, platform, provider, clock = systemClock } = options
  const primitives = await choosePrimitives(provider)
  const { rendezvous, id } = await Rendezvous.open(url, clock)
  const shown = showQr(primitives, id, false)
  options.showCode(encodeBase64Url(shown.qr))
  const answered = await answerOffer(primitives, shown.state, await rendezvous.next(), name)
  options.showDigits(answered.digits)
  await rendezvous.leave(answered.message)
  const linked = await acceptGrant(primitives, answered.state, await rendezvous.next())
  const { linkToken, cert, ...own } = linked
  const secrets = { ...own, hosted: false, account: undefined, certificate: cert }
  const { keys } = await store.transaction((transaction) => installKeys({ primitives, clock }, transaction, secrets))
  const body = {
    linkToken: encodeBase64(linkToken),
    cert: encodeBase64(cert),
    keys: preKeysToJson(keys),
    device: { name, platform },
  }
  const path = '/v1/devices/link/claim'
  const answer = await request<{ user: string; device: number; token: string }>(url, { method: 'POST', path, body })
  const account = { user: Number(answer.user), device: answer.device, token: answer.token }
  await store.transaction(async (transaction) => {
    ;(await DeviceState.read(transaction)).write(transaction, account)
    markPublished(transaction)
  })
  return account
}
