import { findBase64 } from '../../proto/base64.ts'
import { decodeBase64Url } from '../crypto/base64url.ts'
import { decodeDeviceCert } from '../crypto/wire/device-cert.ts'
import { decodeLink } from '../crypto/devices/accept-lists.ts'
import { CryptoError } from '../crypto/errors.ts'
import { ParleyError } from '../errors.ts'
import { request } from '../http.ts'
import type { HttpRequest } from '../http.ts'
import { newPeer, readPeer, writePeer } from './peer.ts'
import type { Peer } from './peer.ts'
import type { OwnKeys } from './own-keys.ts'
import { Rendezvous } from './rendezvous.ts'
import type { Secrets } from './secrets.ts'

/** One of the user's own devices. */
export interface OwnDeviceInfo {
  readonly device: number
  readonly name: string
  readonly platform: string
  readonly hosted: boolean
  /** This one. */
  readonly current: boolean
  /** ms since 1970; the last to an hour. */
  readonly createdAt: number
  readonly lastUsedAt: number
  /** The signed list names it: else the server says so alone, and nothing is encrypted for it. */
  readonly signed: boolean
}

/** What the user is asked before a device is linked. */
export interface LinkRequest {
  /** As the new device calls itself. */
  readonly name: string
  /** Six, to be compared with those on the new device. */
  readonly digits: string
  /** The operator of a server will be able to read what the device gets and sends. */
  readonly hosted: boolean
}

export interface OwnDevicesParts {
  readonly url: string
  readonly secrets: Secrets
  readonly ownKeys: OwnKeys
  token(): string
  /** Takes the newest device list of a user. */
  fetch(user: number): Promise<void>
  /** A device was linked: it gets the history. */
  linked(device: number): void
}

/** The devices of the user. Only the primary one, which holds the account key, adds and removes others. */
export class OwnDevices {
  readonly #parts: OwnDevicesParts

  constructor(parts: OwnDevicesParts) {
    this.#parts = parts
  }

  async list(): Promise<readonly OwnDeviceInfo[]> {
    const { secrets, fetch } = this.#parts
    const { address } = secrets.self.current
    await fetch(address.user)
    const own = await this.#own()
    const answer = await this.#request<{
      devices: readonly (Omit<OwnDeviceInfo, 'current' | 'createdAt' | 'lastUsedAt' | 'signed'> & {
        readonly createdAt: string
        readonly lastUsedAt: string
      })[]
    }>({ method: 'GET', path: '/v1/devices' })
    return answer.devices.map(({ device, name, platform, hosted, createdAt, lastUsedAt }) => ({
      device,
      name,
      platform,
      hosted: hosted || own.devices.get(device)?.cert.hosted === true,
      current: device === address.device,
      createdAt: Date.parse(createdAt),
      lastUsedAt: Date.parse(lastUsedAt),
      signed: own.devices.has(device),
    }))
  }

  /**
   * Takes a device off the list: it gets nothing more, and its sessions and keys end.
   *
   * @throws {ParleyError} NOT_PRIMARY, UNKNOWN_DEVICE; {@link RefusedError}
   */
  async remove(device: number): Promise<void> {
    const { secrets, fetch, ownKeys } = this.#parts
    const { address } = secrets.self.current
    await fetch(address.user)
    const own = await this.#own()
    if (device === address.device || !own.devices.has(device))
      throw new ParleyError('UNKNOWN_DEVICE', 'There is no such other device')
    await ownKeys.changeList((certificates) =>
      certificates.filter((one) => decodeDeviceCert(one).address.device !== device),
    )
  }

  /** Ends this device at the server; the primary takes it off the list. @throws {RefusedError} FORBIDDEN on the primary */
  async logOut(): Promise<void> {
    await this.#request({ method: 'DELETE', path: '/v1/devices/me' })
  }

  /**
   * Links a new device, whose code was scanned or typed.
   *
   * @param confirm - asks the user, who compares the digits on both screens
   * @returns the number of the device
   * @throws {ParleyError} NOT_PRIMARY, NO_LINK_CODE, LINK_REFUSED by the user, LINK_TIMEOUT; a code of
   * {@link CryptoErrorCode} when somebody is between; {@link RefusedError} TOO_MANY_DEVICES
   */
  async link(code: string, confirm: (request: LinkRequest) => Promise<boolean>): Promise<number> {
    const { url, secrets, fetch, linked } = this.#parts
    const { self, primitives, clock, server } = secrets
    const { account, address } = self.current
    if (account === undefined) throw new ParleyError('NOT_PRIMARY', 'Only the primary device can link another one')
    const qr = readCode(code)
    // Seldom needed.
    const { decodeLinkingQr } = await import('../crypto/wire/linking-qr.ts')
    const { grantLinking, offerLinking, readRequest } = await import('../crypto/linking/primary.ts')
    const { hosted } = decodeLinkingQr(qr)
    await fetch(address.user)
    const own = await this.#own()
    const path = '/v1/devices/link/token'
    const reserved = await this.#request<{ linkToken: string; device: number }>({ method: 'POST', path })
    const { device } = reserved
    const linkToken = findBase64(reserved.linkToken) ?? new Uint8Array(0)
    const offered = { device, linkToken, list: own.list, allowHosted: hosted, nowMs: clock.now() }
    const offer = offerLinking(primitives, qr, offered)
    const rendezvous = Rendezvous.join(url, offer.rendezvousId, clock)
    await rendezvous.leave(offer.message)
    const read = await readRequest(primitives, offer.state, await rendezvous.next())
    if (!(await confirm({ name: read.name, digits: offer.digits, hosted })))
      throw new ParleyError('LINK_REFUSED', 'The device was not linked')
    const granted = await grantLinking(primitives, read.state, account, clock.now())
    await server.putList(granted.list, [granted.cert])
    await this.#take(own, granted.list, granted.cert)
    await rendezvous.leave(granted.message)
    linked(device)
    return device
  }

  /** The list that names the new device is the newest. */
  async #take(own: Peer, list: Uint8Array, cert: Uint8Array): Promise<void> {
    const { secrets } = this.#parts
    await secrets.inStore(async (transaction) => {
      const added = { cert: decodeDeviceCert(cert), bytes: cert }
      const next = newPeer(decodeLink(list), [...own.devices.values(), added], secrets.clock.now())
      writePeer(transaction, { ...next, facts: { ...own.facts, askedAt: next.facts.askedAt } })
    })
  }

  async #own(): Promise<Peer> {
    const { secrets } = this.#parts
    const own = await secrets.inStore((transaction) => readPeer(transaction, secrets.self.current.address.user))
    if (own === undefined) throw new CryptoError('CORRUPT_STATE', 'The own device list cannot be read')
    return own
  }

  #request<T>(options: Omit<HttpRequest, 'token'>): Promise<T> {
    return request<T>(this.#parts.url, { ...options, token: this.#parts.token() })
  }
}

/** The bytes of a QR code, as scanned or typed. */
function readCode(code: string): Uint8Array {
  try {
    return decodeBase64Url(code.trim())
  } catch (cause) {
    throw new ParleyError('NO_LINK_CODE', 'This is not the code of a new device', { cause })
  }
}
