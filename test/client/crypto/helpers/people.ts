import { certify, signAsDevice } from '../../../../client/crypto/devices/certificate.ts'
import { listedDevice, signNextList } from '../../../../client/crypto/devices/device-list.ts'
import { nodeProvider } from '../../../../client/crypto/primitives/node-provider.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import type { KeyPair } from '../../../../client/crypto/primitives/provider.ts'
import { randomPositive31 } from '../../../../client/crypto/primitives/random.ts'
import { encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import type { DeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList, listHash } from '../../../../client/crypto/wire/device-list.ts'
import type { DeviceList } from '../../../../client/crypto/wire/device-list.ts'
import type { WireAddress } from '../../../../proto/frames.ts'

export const primitives = new Primitives(nodeProvider)

export const NOW = 1_800_000_000_000

/** A device with the secrets of its identity. */
export interface TestDevice {
  readonly address: WireAddress
  readonly cert: DeviceCert
  readonly signing: KeyPair
  readonly agreement: KeyPair
}

/** An account with the secrets of its identity. */
export interface Person {
  readonly user: number
  readonly account: KeyPair
  readonly devices: readonly TestDevice[]
  readonly list: DeviceList
}

export async function makeDevice(account: KeyPair, address: WireAddress, createdMs = NOW): Promise<TestDevice> {
  const signing = primitives.generateSigning()
  const agreement = primitives.generateDh()
  const body = {
    address,
    hosted: false,
    registrationId: randomPositive31(),
    identity: { accountKey: account.publicKey, signingKey: signing.publicKey, agreementKey: agreement.publicKey },
    createdMs,
  }
  const cert = await certify(primitives, body, await signAsDevice(primitives, body, signing), account)
  return { address, cert, signing, agreement }
}

export async function makePerson(user: number, deviceCount = 1, now = NOW): Promise<Person> {
  const account = primitives.generateSigning()
  const numbers = Array.from({ length: deviceCount }, (_, i) => i + 1)
  const devices = await Promise.all(numbers.map((device) => makeDevice(account, { user, device }, now)))
  return { user, account, devices, list: await signListOf(account, user, devices, undefined, now) }
}

/** The next list of a person, with these devices. */
export async function withDevices(person: Person, devices: readonly TestDevice[], now = NOW): Promise<Person> {
  const tip = { epoch: person.list.epoch, hash: listHash(encodeDeviceList(person.list)) }
  return { ...person, devices, list: await signListOf(person.account, person.user, devices, tip, now) }
}

export function firstDevice({ devices }: Person): TestDevice {
  return devices[0] as TestDevice
}

function signListOf(
  account: KeyPair,
  user: number,
  devices: readonly TestDevice[],
  tip?: { readonly epoch: number; readonly hash: Uint8Array },
  now = NOW,
): Promise<DeviceList> {
  const entries = devices.map(({ cert }) => listedDevice(encodeDeviceCert(cert)))
  return signNextList(primitives, account, user, tip, entries, now)
}
