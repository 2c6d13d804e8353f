const MARKS_AROUND = /^[\p{Cf}\s]+|[\p{Cf}\s]+$/gu

/** One message or notice of the chat. */
export interface ExportEntry {
  /** Whoever stands before the first colon; undefined: nobody does. */
  readonly author: string | undefined
  /** What follows; of an entry without author all of it. Lines are separated by `\n`. */
  readonly text: string
}

/** The entry of a header's rest and the lines that follow. The author ends at the first colon before a space. */
export function toEntry(rows: readonly string[]): ExportEntry {
  const [first = '', ...others] = rows
  const match = /^(.*?):(?:\s(.*))?$/su.exec(first)
  const author = match?.[1]?.replace(MARKS_AROUND, '') ?? ''
  const own = author === '' ? first : (match?.[2] ?? '')
  const text = [own, ...others].join('\n').replace(/\s+$/u, '')
  return { author: author === '' ? undefined : author, text }
}

/** Whether there is anything to see in it. */
export function hasText({ text }: ExportEntry): boolean {
  return text.replace(MARKS_AROUND, '') !== ''
}
