/** What of a vCard people see at once. Either may be empty. */
export interface VcardSummary {
  readonly name: string
  readonly phone: string
}

/**
 * Reads the name (FN, else N) and the first phone number (TEL) of a vCard of any version: RFC 6350 sections 3.2 to 3.4,
 * lenient about line ends, since phones export versions 2.1 and 3.0. Undefined: not a vCard.
 */
export function readVcard(text: string): VcardSummary | undefined {
  const lines = unfold(text)
  const begin = lines.findIndex((line) => /^BEGIN:VCARD$/i.test(line))
  const end = lines.findIndex((line) => /^END:VCARD$/i.test(line))
  if (begin !== 0 || end < begin) return undefined
  const properties = lines.slice(begin + 1, end).map(splitLine)
  const valueOf = (name: string) => properties.find((property) => property.name === name)?.value
  const structuredName = valueOf('N')?.split(/(?<!\\);/)
  const name = unescape(valueOf('FN') ?? '') || joinName(structuredName ?? [])
  const phone = (valueOf('TEL') ?? '').replace(/^tel:/i, '').split(';')[0] ?? ''
  return { name, phone: unescape(phone) }
}

/** A line that begins with a space or tab continues the one before. */
function unfold(text: string): string[] {
  const lines = text.replaceAll(/\r?\n[ \t]/g, '').split(/\r?\n/)
  return lines.map((line) => line.trim()).filter((line) => line !== '')
}

/** `group.NAME;PARAMETER="a:b":value` */
function splitLine(line: string): { name: string; value: string } {
  const match = /^(?:[\w-]+\.)?([\w-]+)(?:;(?:"[^"]*"|[^":])*)?:(.*)$/.exec(line)
  return { name: match?.[1]?.toUpperCase() ?? '', value: match?.[2] ?? '' }
}

/** Family; given; additional; prefixes; suffixes, in the order in which a name is said. */
function joinName([family = '', given = '', additional = '', prefix = '', suffix = '']: readonly string[]): string {
  return [prefix, given, additional, family, suffix].map(unescape).filter(Boolean).join(' ')
}

function unescape(value: string): string {
  return value.replaceAll(/\\([\\,;nN])/g, (_, char: string) => (char.toLowerCase() === 'n' ? ' ' : char)).trim()
}
