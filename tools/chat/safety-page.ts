import type { KnownKeys } from '../../client/index.ts'
import { encodeBase64Url } from '../../client/crypto/base64url.ts'
import type { Page } from './page.ts'
import { qrLines } from './qr.ts'
import { hostedText } from './words.ts'

const GROUP_DIGITS = 5
const GROUPS_A_LINE = 4

/** What a person compares with the other one's screen, what is known, and what to do. */
/** @param name - of whose keys they are */
export function safetyPage(keys: KnownKeys, name: string, server: string): Page {
  const { safetyNumber, safetyCode, devices } = keys
  const numbers = devices.map(({ device, hosted }) => (hosted ? `${device} (hosted)` : String(device)))
  const lines = [
    `Keys of ${name}`,
    '',
    ...safetyLines(safetyNumber),
    '',
    ...adviceOn(keys),
    ...(keys.hosted ? ['', hostedText(name, server)] : []),
    '',
    `Their devices: ${numbers.join(', ')}`,
  ]
  return { lines, code: qrLines(encodeBase64Url(safetyCode)) }
}

/** 60 digits in twelve groups, on three lines. */
function safetyLines(digits: string): string[] {
  const groups = digits.match(new RegExp(`\\d{${GROUP_DIGITS}}`, 'g')) ?? []
  return [0, 1, 2].map((line) => groups.slice(line * GROUPS_A_LINE, (line + 1) * GROUPS_A_LINE).join(' '))
}

function adviceOn({ verified, changed, forked, comparedBefore }: KnownKeys): string[] {
  const compare = 'The same digits must stand on their screen (/safety there). Compare them by voice, or side by side.'
  if (forked) {
    return [
      '✗ Two different lists of their devices were shown: somebody is in between, or a server has a fault. Nothing is sent.',
      compare,
      'Same digits, and they know all their devices: /safety accept',
    ]
  }
  if (changed) {
    return [
      '✗ They have new keys: a new phone, or somebody in between. Nothing is sent.',
      compare,
      'Same digits: /safety verified. To go on without comparing: /safety accept',
    ]
  }
  if (verified) return ['✓ Verified: you have compared these digits.', 'To take that back: /safety unverified']
  if (comparedBefore) {
    return ['Not verified any more: your own keys are new since you compared, and so are these digits.', compare]
  }
  return ['Not verified.', compare, 'Same digits: /safety verified']
}
