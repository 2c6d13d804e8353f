/** How a phone writes its exports. */
export interface Phone {
  readonly system: 'android' | 'iPhone'
  readonly locale: string
  /** Twelve hours and a half-day, or twenty-four; undefined: as people there write. */
  readonly hour12: boolean | undefined
  readonly date: 'short' | 'numeric' | '2-digit'
  /** Words such as "in the evening" instead of "pm". */
  readonly dayPeriods: boolean
}

/** A message, or a notice without author. */
export interface Written {
  readonly at: Date
  readonly author?: string
  readonly text: string
}

/** Writes a chat as WhatsApp's "Export chat" does, with the dates and times that CLDR has for the phone's language. */
export function exportChat(phone: Phone, chat: readonly Written[]): string {
  const format = new Intl.DateTimeFormat(phone.locale, dateOptions(phone))
  const end = phone.system === 'android' ? '\n' : '\r\n'
  return chat.map((written) => `${line(phone, format, written)}${end}`).join('')
}

function line(phone: Phone, format: Intl.DateTimeFormat, { at, author, text }: Written): string {
  const said = author === undefined ? text : `${author}: ${text}`
  const header = format.format(at)
  return phone.system === 'android' ? `${header} - ${said}` : `[${header}] ${said}`
}

function dateOptions({ system, hour12, date, dayPeriods }: Phone): Intl.DateTimeFormatOptions {
  const hours = hour12 === undefined ? {} : { hour12 }
  if (date === 'short') return { dateStyle: 'short', timeStyle: system === 'android' ? 'short' : 'medium', ...hours }
  return {
    year: 'numeric',
    month: date,
    day: date,
    hour: date,
    minute: '2-digit',
    ...(system === 'iPhone' && { second: '2-digit' }),
    ...(dayPeriods && { dayPeriod: 'short' }),
    ...hours,
    timeZone: 'UTC',
  }
}
