import type { ExportEntry } from './export-entry.ts'

/** On iPhones WhatsApp's own words begin with a mark of direction; attachments too, in angle brackets. */
const OWN_WORDS = /^[\u200E\u200F]/u
const ATTACHMENT = /^[\p{Cf}]*<.*>/u
/** The first entry of an iPhone's export says that the chat is encrypted: at length. */
const MIN_FIRST_NOTICE = 20

const OPENING = /(?<=^|[\s(])["“”„«‹「『《‘‚]|[“„«‹「『《]/gu
const CLOSING = /["“”»›」』》’](?=$|[\s.,;!?)])/gu
const QUOTED = /^["“”„«‹「『《].*["“”»›」』》]\.?$/su
/** A name is hardly longer. */
const MANY_WORDS = 4
const SENTENCE_WORDS = 4

/**
 * Which entries are WhatsApp's own words. On Android they have no author, but a colon within a subject or description
 * makes their beginning look like one; on iPhones they are given to the group or to whoever did it.
 */
export function findNotices(entries: readonly ExportEntry[]): ReadonlySet<ExportEntry> {
  const byAuthor = new Map<string, ExportEntry[]>()
  for (const entry of entries) {
    if (entry.author === undefined) continue
    const of = byAuthor.get(entry.author)
    if (of === undefined) byAuthor.set(entry.author, [entry])
    else of.push(entry)
  }
  const people = new Set([...byAuthor.keys()].filter((author) => !endsInQuotes(author)))
  for (const author of people) {
    if (isSentence(author, byAuthor.get(author) ?? [], people)) people.delete(author)
  }
  const group = findGroup(entries, byAuthor)
  const isNotice = ({ author, text }: ExportEntry, index: number): boolean => {
    if (author === undefined || author === group || !people.has(author)) return true
    if (!OWN_WORDS.test(text) || ATTACHMENT.test(text)) return false
    return names(text, author) || (index === 0 && text.length >= MIN_FIRST_NOTICE)
  }
  return new Set(entries.filter(isNotice))
}

/** `Ewa created group "Trip`: the colon was within quotes. */
function endsInQuotes(author: string): boolean {
  return count(author, OPENING) > count(author, CLOSING)
}

/** `Ewa changed the description to`: begins with somebody's name and goes on, or has only ever said what is in quotes. */
function isSentence(author: string, entries: readonly ExportEntry[], people: ReadonlySet<string>): boolean {
  const onlyQuotes = entries.every(({ text }) => QUOTED.test(text.trim()))
  const words = author.split(/\s+/u)
  if (onlyQuotes && words.length >= MANY_WORDS) return true
  for (let i = 1; i < words.length; i++) {
    if (!people.has(words.slice(0, i).join(' '))) continue
    if (onlyQuotes || words.length - i >= SENTENCE_WORDS) return true
  }
  return false
}

/** The name of the group, where the first entry is given to it: nothing of it was written by a person. */
function findGroup(entries: readonly ExportEntry[], byAuthor: ReadonlyMap<string, ExportEntry[]>): string | undefined {
  const author = entries[0]?.author
  if (author === undefined || byAuthor.size < 3) return undefined
  const isOwn = ({ text }: ExportEntry): boolean => OWN_WORDS.test(text) && !ATTACHMENT.test(text)
  return (byAuthor.get(author) ?? []).every(isOwn) ? author : undefined
}

/** Whether somebody is named in a text, not only as a part of a longer word. */
function names(text: string, author: string): boolean {
  const name = author.replace(/^~\s?/u, '')
  if (name === '') return false
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    if (!/[a-z]/iu.test(text[at - 1] ?? '') && !/[a-z]/iu.test(text[at + name.length] ?? '')) return true
  }
  return false
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}
