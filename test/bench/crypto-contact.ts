import { acceptLists } from '../../client/crypto/devices/accept-lists.ts'
import { verifyBundle } from '../../client/crypto/devices/bundle.ts'
import type { PreKeyBundle } from '../../client/crypto/devices/bundle.ts'
import { signKemPreKey, signPreKey } from '../../client/crypto/devices/pre-keys.ts'
import { generateKem } from '../../client/crypto/primitives/kem.ts'
import type { Primitives } from '../../client/crypto/primitives/primitives.ts'
import { sealFor, startSession } from '../../client/crypto/sessions/send.ts'
import { EMPTY_RECORD, encodeSessionRecord } from '../../client/crypto/sessions/session-record.ts'
import { encodeDeviceCert } from '../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList } from '../../client/crypto/wire/device-list.ts'
import { KemKind } from '../../client/crypto/wire/pre-keys.ts'
import { firstDevice, makePerson, NOW } from '../client/crypto/helpers/people.ts'
import type { Person } from '../client/crypto/helpers/people.ts'

const PEOPLE = 100
const TEXT = new Uint8Array(76)

/** The first message to 100 people of one device each: lists, certificates, pre-keys, handshake, encryption. In ms. */
export async function measureFirstContacts(primitives: Primitives): Promise<number> {
  const me = firstDevice(await makePerson(15_550_000_001))
  const list = { epoch: 1, hash: new Uint8Array(32) }
  const own = {
    address: me.address,
    identity: me.cert.identity,
    certificate: encodeDeviceCert(me.cert),
    agreementKeys: me.agreement,
    list,
  }
  const people: { person: Person; bundle: PreKeyBundle }[] = []
  for (let i = 0; i < PEOPLE; i++) {
    const person = await makePerson(15_550_100_000 + i)
    people.push({ person, bundle: await makeBundle(primitives, person) })
  }
  const start = performance.now()
  for (const { person, bundle } of people) {
    const chain = [encodeDeviceList(person.list)]
    const accepted = await acceptLists(primitives, person.user, undefined, chain, NOW)
    const asked = { user: person.user, device: 1 }
    const verified = await verifyBundle(primitives, own.identity, asked, accepted.list, bundle, undefined, NOW)
    const { record } = sealFor(startSession(primitives, EMPTY_RECORD, own, verified, NOW), TEXT, list)
    encodeSessionRecord(record)
  }
  return performance.now() - start
}

async function makeBundle(primitives: Primitives, person: Person): Promise<PreKeyBundle> {
  const { address, signing, cert } = firstDevice(person)
  const signed = { id: 1, publicKey: primitives.generateDh().publicKey, createdMs: NOW }
  const kem = { id: 1, publicKey: generateKem().publicKey, createdMs: NOW }
  return {
    cert: encodeDeviceCert(cert),
    signedPreKey: await signPreKey(primitives, address, signing, signed),
    oneTimePreKey: { id: 1, publicKey: primitives.generateDh().publicKey },
    kemPreKey: await signKemPreKey(primitives, address, signing, KemKind.ONE_TIME, kem),
    kemKind: KemKind.ONE_TIME,
  }
}
