/** So many code units of a text are laid out at once, however long it is. */
const BLOCK = 1_024
/** How far a better place for a cut is looked for. */
const LOOK_AHEAD = 256
/** No character that people write has more code units. */
const CHARACTER = 64

const graphemes = new Intl.Segmenter()

/** How many blocks a text has: found from its length and its end, not by reading it. */
export function countBlocks(text: string): number {
  const count = Math.max(1, Math.ceil(text.length / BLOCK))
  return count > 1 && cutBefore(text, count - 1) === text.length ? count - 1 : count
}

/**
 * A part of a text that is laid out by itself: a block begins on a line of its own. It ends with a line of the text if
 * there is one near, else with a word, else with a character.
 */
export function blockOf(text: string, index: number): string {
  const block = text.slice(cutBefore(text, index), cutBefore(text, index + 1))
  return index + 1 < countBlocks(text) ? block.replace(/\r?\n$/, '') : block
}

/** Where a block begins: at its place or at most so much behind it, the same from wherever it is asked. */
function cutBefore(text: string, index: number): number {
  const place = index * BLOCK
  if (place === 0 || place >= text.length) return Math.min(place, text.length)
  const ahead = text.slice(place, place + LOOK_AHEAD)
  const lineEnd = ahead.indexOf('\n')
  if (lineEnd >= 0) return place + lineEnd + 1
  const space = ahead.search(/[^\S\r]/)
  if (space >= 0) return place + space + 1
  return place + characterEnd(text, place)
}

/** How far behind a place the next character begins; those that do not end in sight are cut between code points. */
function characterEnd(text: string, place: number): number {
  const start = Math.max(0, place - CHARACTER)
  const around = text.slice(start, place + CHARACTER)
  for (const { index } of graphemes.segment(around)) if (start + index >= place) return start + index - place
  return /^[\u{dc00}-\u{dfff}]/u.test(around.slice(place - start)) ? 1 : 0
}
