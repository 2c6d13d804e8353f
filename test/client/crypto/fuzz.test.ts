import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { decodeBase64Url, encodeBase64Url } from '../../../client/crypto/base64url.ts'
import { concat, ZERO_32 } from '../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../client/crypto/errors.ts'
import { decodeKeyBox, encodeKeyBox } from '../../../client/crypto/hosted/key-box.ts'
import { decodeRecord, encodeRecord } from '../../../client/crypto/hosted/record.ts'
import { randomBytes } from '../../../client/crypto/primitives/random.ts'
import { decodeBackupFrame, encodeBackupFrame } from '../../../client/crypto/wire/backup-frame.ts'
import type { BackupEnd, BackupFrame } from '../../../client/crypto/wire/backup-frame.ts'
import { decodeBackupHeader, encodeBackupHeader } from '../../../client/crypto/wire/backup-header.ts'
import { decodeDeviceCert, encodeDeviceCert } from '../../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList, encodeDeviceList } from '../../../client/crypto/wire/device-list.ts'
import { decodeFileHeader, encodeFileHeader } from '../../../client/crypto/wire/file-header.ts'
import { decodeGroupLink, encodeGroupLink } from '../../../client/crypto/wire/group-link.ts'
import { decodeGroupState, encodeGroupState } from '../../../client/crypto/wire/group-state.ts'
import { decodeJoinRequest, encodeJoinRequest } from '../../../client/crypto/wire/join-request.ts'
import {
  decodeLinkingBox,
  encodeLinkingBox,
  LINKING_GRANT,
  LINKING_OFFER,
  LINKING_REQUEST,
} from '../../../client/crypto/wire/linking-box.ts'
import { decodeLinkingGrant, encodeLinkingGrant } from '../../../client/crypto/wire/linking-grant.ts'
import { decodeLinkingOffer, encodeLinkingOffer } from '../../../client/crypto/wire/linking-offer.ts'
import { decodeLinkingQr, encodeLinkingQr } from '../../../client/crypto/wire/linking-qr.ts'
import { decodeLinkingRequest, encodeLinkingRequest } from '../../../client/crypto/wire/linking-request.ts'
import { decodePassphraseBox, encodePassphraseBox } from '../../../client/crypto/wire/passphrase-box.ts'
import { decodePreKeyMessage, encodePreKeyMessage } from '../../../client/crypto/wire/pre-key-message.ts'
import {
  decodeKemPreKey,
  decodeOneTimePreKey,
  decodeSignedPreKey,
  encodeKemPreKey,
  encodeOneTimePreKey,
  encodeSignedPreKey,
} from '../../../client/crypto/wire/pre-keys.ts'
import { decodeRatchetMessage, encodeRatchetMessage } from '../../../client/crypto/wire/ratchet-message.ts'
import { decodeRetryReceipt, encodeRetryReceipt } from '../../../client/crypto/wire/retry-receipt.ts'
import { decodeSafetyQr, encodeSafetyQr } from '../../../client/crypto/wire/safety-qr.ts'
import {
  decodeSenderKeyDistribution,
  encodeSenderKeyDistribution,
} from '../../../client/crypto/wire/sender-key-distribution.ts'
import { decodeSenderKeyMessage, encodeSenderKeyMessage } from '../../../client/crypto/wire/sender-key-message.ts'
import { decodeSenderKeyState, encodeSenderKeyState } from '../../../client/crypto/wire/sender-key-state.ts'
import { decodeRecordBytes, encodeRecordBytes } from '../../../client/crypto/wire/session-record.ts'
import { decodeSessionState, encodeSessionState } from '../../../client/crypto/wire/session-state.ts'
import { decodeSignalMessage, encodeSignalMessage } from '../../../client/crypto/wire/signal-message.ts'
import { fuzzParser } from './helpers/fuzz-parser.ts'
import type { Parser } from './helpers/fuzz-parser.ts'
import { firstDevice, makePerson, NOW } from './helpers/people.ts'

const ROOT = new URL('../../../client/crypto/', import.meta.url)
/** What a parser may say; all else is for those who know more than the bytes. */
const CODES = new Set(['MALFORMED', 'UNKNOWN_VERSION', 'CORRUPT_STATE'])
const CHECKSUM_BYTES = 8

/** Decoders that only pass on to one of the parsers here. */
const PASSING_ON = new Set(['decodeLink', 'decodeSessionRecord'])

/** By the name of a decoder: gives it its inputs, and counts those that it took and refused. */
const fuzzed = new Map<string, () => { taken: number; refused: number }>()

function register<T>(name: string, decode: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array, ...values: T[]) {
  const parser: Parser<T> = { decode: (bytes) => strict(decode, bytes), encode }
  fuzzed.set(name, () => fuzzParser(parser, values.map(encode)))
}

/** As given, and once more with every checksum right, so that what lies behind it is reached. */
function registerRecord<T>(
  name: string,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
  ...values: T[]
) {
  register(name, decode, encode, ...values)
  const whole = (body: Uint8Array) =>
    decode(concat(body, createHash('sha256').update(body).digest().subarray(0, CHECKSUM_BYTES)))
  register(`${name} behind its checksum`, whole, (value) => encode(value).slice(0, -CHECKSUM_BYTES), ...values)
}

function strict<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  let value: T
  try {
    value = decode(bytes)
  } catch (error) {
    if (error instanceof CryptoError && !CODES.has(error.code)) throw new TypeError(error.code, { cause: error })
    throw error
  }
  if (bytesIn(value) > bytes.length) throw new RangeError('It holds more than it was given')
  return value
}

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, one) => sum + bytesIn(one), 0)
}

const person = await makePerson(15550000001, 2)
const { cert, address } = firstDevice(person)
const { list } = person
const key = (fill: number) => new Uint8Array(32).fill(fill)
const signature = randomBytes(64)
const sealed = { nonce: randomBytes(24), box: randomBytes(176), tag: key(1) }
const groupId = randomBytes(16)

register('decodeDeviceCert', decodeDeviceCert, encodeDeviceCert, cert, { ...cert, hosted: true })
register('decodeDeviceList', decodeDeviceList, encodeDeviceList, list, { ...list, epoch: 7, previousHash: key(2) })
const preKey = { id: 9, publicKey: key(3), createdMs: NOW, signature }
register('decodeSignedPreKey', decodeSignedPreKey, encodeSignedPreKey, { ...preKey, suite: 1 })
register('decodeOneTimePreKey', decodeOneTimePreKey, encodeOneTimePreKey, preKey)
register('decodeKemPreKey', decodeKemPreKey, encodeKemPreKey, { ...preKey, publicKey: randomBytes(1_184) })
const receipt = {
  group: false,
  failedId: randomBytes(16),
  requester: address,
  asked: address,
  ratchetKey: key(4),
  ms: NOW,
  signature,
}
register('decodeRetryReceipt', decodeRetryReceipt, encodeRetryReceipt, receipt, {
  ...receipt,
  group: true,
  ratchetKey: ZERO_32,
})
register('decodeSafetyQr', decodeSafetyQr, encodeSafetyQr, { own: key(5), peer: key(6) })

const ratchetMessage = { ratchetKey: key(7), previousCount: 3, number: 4, ...sealed }
register('decodeRatchetMessage', decodeRatchetMessage, encodeRatchetMessage, ratchetMessage)
register('decodeSignalMessage', decodeSignalMessage, encodeSignalMessage, sealed)
const preKeyMessage = {
  generation: 2,
  signedPreKeyId: 5,
  oneTimePreKeyId: 6,
  kemPreKeyId: 7,
  kemOneTime: true,
  certificate: encodeDeviceCert(cert),
  baseKey: key(8),
  kemCiphertext: randomBytes(1_088),
  list: { epoch: 3, hash: key(9) },
  message: encodeRatchetMessage(ratchetMessage),
}
register('decodePreKeyMessage', decodePreKeyMessage, encodePreKeyMessage, preKeyMessage, {
  ...preKeyMessage,
  oneTimePreKeyId: undefined,
  kemOneTime: false,
})
const session = {
  id: key(10),
  initiator: true,
  acknowledged: false,
  closed: false,
  generation: 2,
  createdMs: NOW,
  count: 3,
  local: { address, identity: cert.identity },
  remote: { address, identity: cert.identity, registrationId: 12 },
  baseKey: key(11),
  signalRoot: key(12),
  ratchet: {
    rootKey: key(13),
    own: { secretKey: key(14), publicKey: key(15) },
    peerKey: key(16),
    sendingKey: key(17),
    sent: 4,
    receivingKey: undefined,
    received: 0,
    previousSent: 0,
    consumed: [key(18), key(19)],
    skipped: randomBytes(2 * 76),
  },
  pending: undefined,
}
registerRecord('decodeSessionState', decodeSessionState, encodeSessionState, session, {
  ...session,
  pending: randomBytes(1_426),
})
register('decodeRecordBytes', decodeRecordBytes, encodeRecordBytes, {
  generation: 5,
  states: [encodeSessionState(session), randomBytes(20)],
})

const chain = { groupId, groupEpoch: 2, chainId: 0xfedcba98, iteration: 40 }
register('decodeSenderKeyDistribution', decodeSenderKeyDistribution, encodeSenderKeyDistribution, {
  ...chain,
  groupStateHash: key(20),
  chainKey: key(21),
  signingKey: key(22),
})
register('decodeSenderKeyMessage', decodeSenderKeyMessage, encodeSenderKeyMessage, { ...chain, ...sealed, signature })
const senderKeyState = {
  ...chain,
  groupStateHash: key(20),
  sender: address,
  createdMs: NOW,
  signingKey: key(22),
  signingSeed: undefined,
  chainKey: key(21),
  skipped: [
    { iteration: 3, messageKey: key(23), storedMs: NOW },
    { iteration: 5, messageKey: key(24), storedMs: NOW },
  ],
}
registerRecord('decodeSenderKeyState', decodeSenderKeyState, encodeSenderKeyState, senderKeyState, {
  ...senderKeyState,
  signingSeed: key(25),
})
const groupState = {
  groupId,
  epoch: 3,
  previousHash: key(26),
  settings: { adminsSend: true, adminsEditInfo: false, membersAdd: true, approveJoins: false },
  infoHash: key(27),
  members: [
    { user: 15550000001, admin: true, accountKey: key(28) },
    { user: 15550000002, admin: false, accountKey: key(29) },
  ],
  signer: cert,
  ms: NOW,
  signature,
}
register('decodeGroupState', decodeGroupState, encodeGroupState, groupState, {
  ...groupState,
  epoch: 1,
  previousHash: ZERO_32,
})
register('decodeGroupLink', decodeGroupLink, encodeGroupLink, {
  groupId,
  epoch: 4,
  stateHash: key(30),
  secret: randomBytes(16),
})
register('decodeJoinRequest', decodeJoinRequest, encodeJoinRequest, { ms: NOW, tag: key(31) })

register('decodeFileHeader', decodeFileHeader, encodeFileHeader, { prefix: randomBytes(15) })
register('decodeLinkingQr', decodeLinkingQr, encodeLinkingQr, {
  hosted: true,
  rendezvousId: randomBytes(16),
  publicKey: key(32),
  linkSecret: key(33),
})
register('decodeLinkingOffer', decodeLinkingOffer, encodeLinkingOffer, {
  address: { ...address, device: 3 },
  createdMs: NOW,
  hosted: false,
  accountKey: key(34),
  linkToken: key(35),
  list,
})
register('decodeLinkingRequest', decodeLinkingRequest, encodeLinkingRequest, {
  signingKey: key(36),
  agreementKey: key(37),
  registrationId: 77,
  deviceSignature: signature,
  name: 'Zoë’s laptop',
})
register('decodeLinkingGrant', decodeLinkingGrant, encodeLinkingGrant, { cert, list })
for (const type of [LINKING_OFFER, LINKING_REQUEST, LINKING_GRANT] as const) {
  const box = { nonce: randomBytes(24), box: randomBytes(100) }
  register(
    type === LINKING_OFFER ? 'decodeLinkingBox' : `decodeLinkingBox of type ${type.toString(16)}`,
    (bytes) => decodeLinkingBox(type, bytes),
    (value) => encodeLinkingBox(type, value),
    type === LINKING_OFFER ? { ...box, publicKey: key(38) } : box,
  )
}
register('decodeBackupHeader', decodeBackupHeader, encodeBackupHeader, {
  user: 15550000001,
  version: 3,
  createdMs: NOW,
  salt: key(40),
})
register<BackupFrame | BackupEnd>(
  'decodeBackupFrame',
  decodeBackupFrame,
  encodeBackupFrame,
  { type: 'end', frames: 5 },
  { type: 'accountKey', seed: key(41) },
  { type: 'ownList', epoch: 4, hash: key(42) },
  { type: 'contact', user: 15550000001, accountKey: key(43), verified: true, hosted: false },
  { type: 'group', groupId, epoch: 2, stateHash: key(44) },
  { type: 'message', record: randomBytes(70) },
)
register('decodePassphraseBox', decodePassphraseBox, encodePassphraseBox, {
  cost: { memoryKiB: 32_768, passes: 2, lanes: 1 },
  salt: key(45),
  nonce: randomBytes(24),
  box: randomBytes(80),
})
register('decodeKeyBox', decodeKeyBox, encodeKeyBox, {
  address,
  registrationId: 5,
  generation: 1,
  masterKeyId: randomBytes(4),
  salt: key(39),
  nonce: randomBytes(24),
  box: randomBytes(48),
})
register('decodeRecord', decodeRecord, encodeRecord, { generation: 1, nonce: randomBytes(24), box: randomBytes(90) })
// Of text, which its characters' codes stand for here.
register(
  'decodeBase64Url',
  (bytes) => decodeBase64Url(String.fromCharCode(...bytes)),
  (value) => Uint8Array.from(encodeBase64Url(value), (character) => character.charCodeAt(0)),
  randomBytes(40),
  randomBytes(41),
)

for (const [name, fuzz] of fuzzed) {
  test.serial(`${name} takes or refuses whatever it is given, and what it takes has one encoding`, async (t) => {
    // Lets the result of the test before be heard of.
    await setImmediate()
    const { taken, refused } = fuzz()
    t.log(`${taken} taken, ${refused} refused`)
    t.true(taken > 0)
    t.true(refused > 0)
  })
}

test('every decoder of the encryption is among them', async (t) => {
  const missing: string[] = []
  for await (const file of glob('**/*.ts', { cwd: ROOT })) {
    const source = await readFile(new URL(file, ROOT), 'utf8')
    for (const [, name] of source.matchAll(/export (?:async )?function (decode\w+)/g)) {
      if (name !== undefined && !fuzzed.has(name) && !PASSING_ON.has(name)) missing.push(`${name} of ${file}`)
    }
  }
  t.deepEqual(missing, [])
})

test('a message over the limit of a payload is refused whatever it says', (t) => {
  const huge = 65_537
  for (const [decode, sample] of [
    [decodeRatchetMessage, encodeRatchetMessage({ ...ratchetMessage, box: new Uint8Array(huge - 102) })],
    [decodeSignalMessage, encodeSignalMessage({ ...sealed, box: new Uint8Array(huge - 62) })],
    [
      decodeSenderKeyMessage,
      encodeSenderKeyMessage({ ...chain, ...sealed, signature, box: new Uint8Array(huge - 154) }),
    ],
  ] as const) {
    t.throws(() => decode(sample), { instanceOf: CryptoError, code: 'MALFORMED' })
  }
  t.notThrows(() =>
    decodeSenderKeyMessage(
      encodeSenderKeyMessage({ ...chain, ...sealed, signature, box: new Uint8Array(huge - 1 - 154) }),
    ),
  )
})
