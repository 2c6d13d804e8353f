const DAY_MS = 24 * 3600 * 1000

/** Made once: to make one costs more than all of a frame. */
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** "09:05", in the time zone of this machine. */
export function clockTime(ms: number): string {
  return clock.format(ms)
}

/** "Today", "Yesterday", "17 March", "17 March 2024". */
export function dayName(ms: number, now: number): string {
  const day = startOfDay(ms)
  const today = startOfDay(now)
  if (day === today) return 'Today'
  if (day === startOfDay(today - DAY_MS / 2)) return 'Yesterday'
  const year = new Date(ms).getFullYear() === new Date(now).getFullYear() ? {} : ({ year: 'numeric' } as const)
  return new Date(ms).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', ...year })
}

export function sameDay(a: number, b: number): boolean {
  return startOfDay(a) === startOfDay(b)
}

/** "last seen today at 09:05". */
export function lastSeen(ms: number, now: number): string {
  return `last seen ${inSentence(dayName(ms, now))} at ${clockTime(ms)}`
}

/** "last used today"; the server tells it to an hour. */
export function lastUsed(ms: number, now: number): string {
  return `last used ${inSentence(dayName(ms, now))}`
}

/** The name of a day within a sentence. */
export function inSentence(day: string): string {
  return day === 'Today' || day === 'Yesterday' ? day.toLowerCase() : day
}

function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0)
}
