/** No character that people write has more code units; what is longer is taken in parts. */
const MAX_UNITS = 1_024
const SURE_START = /[\n -~]/

const graphemes = new Intl.Segmenter()

/** Where the character begins that ends at this place. */
export function characterBefore(text: string, place: number): number {
  const from = sureStart(text, place)
  let start = from
  for (const { index } of graphemes.segment(text.slice(from, place))) start = from + index
  return start
}

/** Where the character ends that begins at this place. */
export function characterAfter(text: string, place: number): number {
  for (const { segment } of graphemes.segment(text.slice(place, place + MAX_UNITS))) return place + segment.length
  return place
}

/** Where the word begins that ends at or before this place. */
export function wordBefore(text: string, place: number): number {
  let at = place
  while (at > 0 && isSpace(text, at - 1)) at -= 1
  while (at > 0 && !isSpace(text, at - 1)) at -= 1
  return at
}

/** Where the word ends that begins at or after this place. */
export function wordAfter(text: string, place: number): number {
  let at = place
  while (at < text.length && isSpace(text, at)) at += 1
  while (at < text.length && !isSpace(text, at)) at += 1
  return at
}

function isSpace(text: string, place: number): boolean {
  return /\s/.test(text.charAt(place))
}

/** A place not far before, where a character begins: flags and families are told apart only from their beginning. */
function sureStart(text: string, place: number): number {
  let at = Math.max(0, place - 1)
  while (at > 0 && place - at < MAX_UNITS && !SURE_START.test(text.charAt(at))) at -= 1
  return at
}
