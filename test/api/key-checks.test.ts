import test from 'ava'
import { findBase64 } from '../../proto/base64.ts'
import { KeyChecks } from '../../src/api/key-checks.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { TestAccountKeys } from '../helpers/keys.ts'

test('a certificate as the database gives it checks keys as any other, and stays as it is', async (t) => {
  const checks = new KeyChecks(systemClock)
  // Of half of all public keys the highest bit is set.
  for (let i = 0; i < 16; i++) {
    const keys = await TestAccountKeys.create(15550000001)
    const pqOpks = [findBase64((await keys.primary.preKeys()).pqOpks[0]!)!]
    const cert = Buffer.from(keys.primary.cert)
    const supply = await checks.preKeys(cert, { opks: [], pqOpks })
    t.is(supply.kemOneTime.length, 1)
    t.true(cert.equals(keys.primary.cert))
  }
})
