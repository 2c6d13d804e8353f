import fc from 'fast-check'
import { ZERO_32 } from '../../../../client/crypto/bytes.ts'
import type { DeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import type { DeviceList } from '../../../../client/crypto/wire/device-list.ts'
import type { Identity } from '../../../../client/crypto/wire/identity.ts'
import type { KemPreKey, OneTimePreKey, SignedPreKey } from '../../../../client/crypto/wire/pre-keys.ts'
import type { RetryReceipt } from '../../../../client/crypto/wire/retry-receipt.ts'
import type { WireAddress } from '../../../../proto/frames.ts'

// Objects of the right shape, with any values: nobody has signed them.

function exactly(count: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: count, maxLength: count })
}

const user = fc.integer({ min: 1, max: 999_999_999_999_999 })
const device = fc.integer({ min: 1, max: 0xffffffff })
const registrationId = fc.integer({ min: 1, max: 0x7fffffff })
const id = fc.integer({ min: 1, max: 0xffffffff })
const ms = fc.maxSafeNat()
const key = exactly(32)
const signature = exactly(64)

export const address: fc.Arbitrary<WireAddress> = fc.record({ user, device }, { noNullPrototype: true })

const identity: fc.Arbitrary<Identity> = fc.record(
  { accountKey: key, signingKey: key, agreementKey: key },
  { noNullPrototype: true },
)

export const deviceCert: fc.Arbitrary<DeviceCert> = fc.record(
  {
    address,
    hosted: fc.boolean(),
    registrationId,
    identity,
    createdMs: ms,
    accountSignature: signature,
    deviceSignature: signature,
  },
  { noNullPrototype: true },
)

const listed = fc.record({ device, registrationId, certHash: key }, { noNullPrototype: true })

export const deviceList: fc.Arbitrary<DeviceList> = fc
  .record(
    {
      user,
      accountKey: key,
      epoch: fc.integer({ min: 1, max: 0xffffffff }),
      createdMs: ms,
      expiresMs: ms,
      previousHash: key,
      devices: fc.uniqueArray(listed, { minLength: 1, maxLength: 8, selector: (entry) => entry.device }),
      signature,
    },
    { noNullPrototype: true },
  )
  .map((list) => ({
    ...list,
    previousHash: list.epoch === 1 ? ZERO_32 : list.previousHash,
    devices: list.devices.toSorted((a, b) => a.device - b.device),
  }))

export const signedPreKey: fc.Arbitrary<SignedPreKey> = fc.record(
  { id, publicKey: key, createdMs: ms, suite: fc.integer({ min: 1, max: 255 }), signature },
  { noNullPrototype: true },
)

export const oneTimePreKey: fc.Arbitrary<OneTimePreKey> = fc.record({ id, publicKey: key }, { noNullPrototype: true })

export const kemPreKey: fc.Arbitrary<KemPreKey> = fc.record(
  { id, publicKey: exactly(1184), createdMs: ms, signature },
  { noNullPrototype: true },
)

export const retryReceipt: fc.Arbitrary<RetryReceipt> = fc
  .record(
    { group: fc.boolean(), failedId: exactly(16), requester: address, asked: address, ratchetKey: key, ms, signature },
    { noNullPrototype: true },
  )
  .map((receipt) => ({ ...receipt, ratchetKey: receipt.group ? ZERO_32 : receipt.ratchetKey }))
