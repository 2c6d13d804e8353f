import { certify, signAsDevice } from '../../client/crypto/devices/certificate.ts'
import { listedDevice, signNextList } from '../../client/crypto/devices/device-list.ts'
import { signKemPreKey, signPreKey } from '../../client/crypto/devices/pre-keys.ts'
import { concat } from '../../client/crypto/bytes.ts'
import { KEM_PUBLIC_BYTES } from '../../client/crypto/primitives/kem.ts'
import { nodeProvider } from '../../client/crypto/primitives/node-provider.ts'
import { Primitives } from '../../client/crypto/primitives/primitives.ts'
import type { KeyPair } from '../../client/crypto/primitives/provider.ts'
import { randomBytes, randomPositive31 } from '../../client/crypto/primitives/random.ts'
import { encodeDeviceCert } from '../../client/crypto/wire/device-cert.ts'
import type { CertBody } from '../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList, listHash } from '../../client/crypto/wire/device-list.ts'
import { encodeKemPreKey, encodeOneTimePreKey, encodeSignedPreKey, KemKind } from '../../client/crypto/wire/pre-keys.ts'
import { encodeBase64 } from '../../proto/base64.ts'

const primitives = new Primitives(nodeProvider)

/** Pre-keys as a request carries them. */
export interface PreKeysJson {
  readonly spk: string
  readonly pqLast: string
  readonly opks: readonly string[]
  readonly pqOpks: readonly string[]
}

export interface KeyAmounts {
  readonly opks?: number
  readonly pqOpks?: number
}

/** The keys of one device, as a client makes them. */
export class TestDeviceKeys {
  readonly user: number
  readonly device: number
  readonly registrationId = randomPositive31()
  readonly signing = primitives.generateSigning()
  readonly agreement = primitives.generateDh()
  cert: Uint8Array = new Uint8Array(0)
  now: number
  #nextId = 1_000

  constructor(user: number, device: number, now: number) {
    this.user = user
    this.device = device
    this.now = now
  }

  get address() {
    return { user: this.user, device: this.device }
  }

  /** A signed pre-key, a last resort, and so many one-time keys, all with new ids. */
  async preKeys({ opks = 3, pqOpks = 2 }: KeyAmounts = {}): Promise<PreKeysJson> {
    return {
      spk: encodeBase64(await this.signedPreKey()),
      pqLast: encodeBase64(await this.kemPreKey(KemKind.LAST_RESORT)),
      opks: Array.from({ length: opks }, () => encodeBase64(this.oneTimePreKey())),
      pqOpks: await Promise.all(
        Array.from({ length: pqOpks }, async () => encodeBase64(await this.kemPreKey(KemKind.ONE_TIME))),
      ),
    }
  }

  async signedPreKey(createdMs = this.now): Promise<Uint8Array> {
    const { publicKey } = primitives.generateDh()
    return encodeSignedPreKey(
      await signPreKey(primitives, this.address, this.signing, { id: this.#nextId++, publicKey, createdMs }),
    )
  }

  oneTimePreKey(id = this.#nextId++): Uint8Array {
    return encodeOneTimePreKey({ id, publicKey: randomBytes(32) })
  }

  /** The key itself is random: nobody encapsulates to it. */
  async kemPreKey(kind: KemKind, createdMs = this.now): Promise<Uint8Array> {
    const publicKey = randomBytes(KEM_PUBLIC_BYTES)
    const key = { id: this.#nextId++, publicKey, createdMs }
    return encodeKemPreKey(await signKemPreKey(primitives, this.address, this.signing, kind, key))
  }
}

/** The keys of an account, with its device 1, as the primary holds them. */
export class TestAccountKeys {
  readonly user: number
  readonly account: KeyPair
  readonly devices: TestDeviceKeys[] = []
  /** Encoded, by epoch: the first is that of epoch 1. */
  readonly lists: Uint8Array[] = []
  now: number

  private constructor(user: number, now: number, account: KeyPair) {
    this.user = user
    this.now = now
    this.account = account
  }

  static async create(
    user: number | string,
    { now = Date.now(), hosted = false }: { readonly now?: number; readonly hosted?: boolean } = {},
  ): Promise<TestAccountKeys> {
    const keys = new TestAccountKeys(Number(user), now, primitives.generateSigning())
    await keys.addDevice(1, hosted)
    await keys.signList()
    return keys
  }

  get primary(): TestDeviceKeys {
    return this.devices[0]!
  }

  get tip(): Uint8Array {
    return this.lists.at(-1)!
  }

  /** With a certificate; {@link signList} puts it on the list. */
  async addDevice(device: number, hosted = false): Promise<TestDeviceKeys> {
    const keys = new TestDeviceKeys(this.user, device, this.now)
    const body: CertBody = {
      address: keys.address,
      hosted,
      registrationId: keys.registrationId,
      identity: {
        accountKey: this.account.publicKey,
        signingKey: keys.signing.publicKey,
        agreementKey: keys.agreement.publicKey,
      },
      createdMs: this.now,
    }
    const signature = await signAsDevice(primitives, body, keys.signing)
    keys.cert = encodeDeviceCert(await certify(primitives, body, signature, this.account))
    this.devices.push(keys)
    return keys
  }

  /** Forgets a device: the next list does not name it. */
  dropDevice(device: number): void {
    const index = this.devices.findIndex((one) => one.device === device)
    if (index >= 0) this.devices.splice(index, 1)
  }

  /** The next list, which names all devices, and what a request to put it holds. */
  async signList(): Promise<{ list: string; certs: string[] }> {
    const previous = this.lists.length === 0 ? undefined : { epoch: this.lists.length, hash: listHash(this.tip) }
    const entries = this.devices.map(({ cert }) => listedDevice(cert))
    const list = await signNextList(primitives, this.account, this.user, previous, entries, this.now)
    this.lists.push(encodeDeviceList(list))
    return this.listBody()
  }

  listBody(): { list: string; certs: string[] } {
    return { list: encodeBase64(this.tip), certs: this.devices.map(({ cert }) => encodeBase64(cert)) }
  }

  /** The field `keys` of a registration. */
  async registration(
    amounts: KeyAmounts = {},
  ): Promise<PreKeysJson & { readonly cert: string; readonly list: string }> {
    const preKeys = await this.primary.preKeys(amounts)
    return { ...preKeys, cert: encodeBase64(this.primary.cert), list: encodeBase64(this.tip) }
  }
}

/** A signature that is wrong in one bit. */
export function damaged(bytes: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, -1), Uint8Array.of((bytes.at(-1) ?? 0) ^ 1))
}
