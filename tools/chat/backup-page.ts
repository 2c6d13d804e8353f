import type { Page } from './page.ts'
import { formatPhone } from './phone.ts'

const GROUP = 4
const GROUPS_A_LINE = 8

/** What a person writes down when a backup was made. */
export function backupPage(user: number, recoveryKey: string): Page {
  const lines = [
    'Your recovery key',
    '',
    ...recoveryKeyLines(recoveryKey),
    '',
    'Write it down and keep it where nobody else looks. Whoever has it and your phone number can read your backup.',
    'Without it nobody can, and nobody can give you another one.',
    '',
    'The backup holds your account key, your chats and whose keys you verified. /backup makes a newer one.',
    `On a new machine: npm run chat -- ${formatPhone(user)} --restore`,
  ]
  return { lines }
}

/** 64 characters in sixteen groups, on two lines. */
function recoveryKeyLines(recoveryKey: string): string[] {
  const groups = recoveryKey.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []
  return [0, 1].map((line) => `  ${groups.slice(line * GROUPS_A_LINE, (line + 1) * GROUPS_A_LINE).join(' ')}`)
}
