import type { Primitives } from '../primitives/primitives.ts'
import { checkCert } from '../devices/device-list.ts'
import type { DeviceList } from '../wire/device-list.ts'
import { encodeDeviceCert } from '../wire/device-cert.ts'
import type { GroupState } from '../wire/group-state.ts'

/**
 * That the device which signed the newest state is still one of its user: a removed one cannot change groups.
 *
 * @param list - the newest of that user, accepted
 * @throws {CryptoError} STALE_DEVICE_LIST when the list has no such device; IDENTITY_CHANGED, BAD_SIGNATURE, MALFORMED
 */
export async function requireCurrentSigner(primitives: Primitives, state: GroupState, list: DeviceList): Promise<void> {
  await checkCert(primitives, list, encodeDeviceCert(state.signer))
}
