import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import { CryptoError } from '../crypto/errors.ts'
import { KemKind } from '../crypto/wire/pre-keys.ts'
import { request } from '../http.ts'
import type { HttpRequest } from '../http.ts'
import type { FirstKeys, KeyServer, KeyStock, ListedKeys, NewKeys, TakenKeys } from './key-server.ts'

interface Chain {
  readonly lists: readonly string[]
  readonly certs: readonly string[]
  readonly more: boolean
}

interface Bundle {
  readonly device: number
  readonly cert: string
  readonly spk: string
  readonly opk?: string
  readonly pq: string
  readonly pqKind: number
}

/** A year of weekly lists is one page; a server that goes on for ever is not followed. */
const MAX_PAGES = 20

/** The server's part in keys, over its HTTP API. */
export class HttpKeyServer implements KeyServer {
  readonly #url: string
  readonly #token: () => string

  constructor(url: string, token: () => string) {
    this.#url = url
    this.#token = token
  }

  async lists(user: number, since: number): Promise<ListedKeys> {
    const lists: Uint8Array[] = []
    for (let page = 0; page < MAX_PAGES; page++) {
      // Of somebody who was not known only the newest is needed.
      const query = since + lists.length === 0 ? '' : `?since=${since + lists.length}`
      const path = `/v1/devices/${user}${query}`
      const chain = await this.#request<Chain>({ method: 'GET', path })
      lists.push(...chain.lists.map(bytesOf))
      if (!chain.more) return { lists, certificates: chain.certs.map(bytesOf) }
    }
    throw new CryptoError('STALE_DEVICE_LIST', 'The device lists have no end')
  }

  async take(user: number, devices: readonly number[], requestId: string): Promise<readonly TakenKeys[]> {
    const path = `/v1/keys/${user}/take`
    const body = { devices }
    const answer = await this.#request<{ devices: readonly Bundle[] }>({
      method: 'POST',
      path,
      body,
      idempotencyKey: requestId,
    })
    return answer.devices.map(({ device, cert, spk, opk, pq, pqKind }) => ({
      device,
      certificate: bytesOf(cert),
      signedPreKey: bytesOf(spk),
      oneTimePreKey: opk === undefined ? undefined : bytesOf(opk),
      kemPreKey: bytesOf(pq),
      kemOneTime: pqKind === KemKind.ONE_TIME,
    }))
  }

  async put(keys: NewKeys): Promise<void> {
    await this.#request({ method: 'PUT', path: '/v1/keys', body: preKeysToJson(keys) })
  }

  async stock(): Promise<KeyStock> {
    const { opk, pqOpk } = await this.#request<{ opk: number; pqOpk: number }>({
      method: 'GET',
      path: '/v1/keys/count',
    })
    return { oneTimePreKeys: opk, kemPreKeys: pqOpk }
  }

  async putList(list: Uint8Array, certificates: readonly Uint8Array[]): Promise<void> {
    const body = { list: encodeBase64(list), certs: certificates.map(encodeBase64) }
    await this.#request({ method: 'PUT', path: '/v1/devices/list', body })
  }

  #request<T>(options: Omit<HttpRequest, 'token'>): Promise<T> {
    return request<T>(this.#url, { ...options, token: this.#token() })
  }
}

export function preKeysToJson({ signedPreKey, lastResort, oneTimePreKeys, kemPreKeys }: NewKeys): object {
  return {
    ...(signedPreKey === undefined ? {} : { spk: encodeBase64(signedPreKey) }),
    ...(lastResort === undefined ? {} : { pqLast: encodeBase64(lastResort) }),
    opks: oneTimePreKeys.map(encodeBase64),
    pqOpks: kemPreKeys.map(encodeBase64),
  }
}

export function firstKeysToJson(keys: FirstKeys): object {
  return { ...preKeysToJson(keys), cert: encodeBase64(keys.certificate), list: encodeBase64(keys.list) }
}

function bytesOf(text: string): Uint8Array {
  const bytes = findBase64(text)
  if (bytes === undefined) throw new CryptoError('MALFORMED', 'The server sent what is no base64')
  return bytes
}
