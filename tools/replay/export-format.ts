/** Marks that turn the direction of a text, and others without width: they stand anywhere in a header. */
const MARKS = /\p{Cf}/gu

/** A header is no longer. */
const MAX_HEADER = 80
/** Numbers in a date (one month may be a word) and a time. */
const MIN_NUMBERS = 4

/** How a header ends, and the message begins. */
type Ending = 'bracket' | 'dash' | 'colon'

const ENDINGS: Readonly<Record<Ending, RegExp>> = {
  bracket: /\]\s?/gu,
  dash: /\s[-–]\s/gu,
  colon: /:\s/gu,
}

/**
 * How the headers of one export look: `17/03/2024, 08:20 - `, `[14.08.24, 21:00:10] `, `٢٠٢٤/٣/١٧، ٨:٢٠ م - `. Dates and
 * times are written in the way of the phone's language, and nothing in a file says which one that is. So no table of
 * languages is kept: the first header shows the shape of all others, whatever digits, separators and words it has.
 */
export class ExportFormat {
  readonly #ending: Ending
  readonly #shape: string

  private constructor(ending: Ending, shape: string) {
    this.#ending = ending
    this.#shape = shape
  }

  /** The format whose header this line begins with; undefined: it begins with none. */
  static of(line: string): ExportFormat | undefined {
    for (const ending of ['bracket', 'dash', 'colon'] as const) {
      for (const { shape, numbers } of headersOf(line, ending)) {
        if (numbers >= MIN_NUMBERS) return new ExportFormat(ending, shape)
      }
    }
    return undefined
  }

  /** What follows the header of a line; undefined: it has none. */
  restOf(line: string): string | undefined {
    for (const { shape, end } of headersOf(line, this.#ending)) if (shape === this.#shape) return line.slice(end)
    return undefined
  }
}

/** Every beginning of a line that may be a header with that ending, the shortest first. */
function* headersOf(line: string, ending: Ending): Iterable<{ shape: string; numbers: number; end: number }> {
  const beginning = line.slice(0, MAX_HEADER)
  const isInBrackets = beginning.replace(MARKS, '').startsWith('[')
  if (isInBrackets !== (ending === 'bracket')) return
  for (const match of beginning.matchAll(ENDINGS[ending])) {
    const shape = shapeOf(beginning.slice(0, match.index))
    const numbers = shape.split('0').length - 1
    yield { shape, numbers, end: match.index + match[0].length }
  }
}

/**
 * What all headers of an export share: each number is `0`, and whatever has a letter between numbers is `A`, since
 * half-days have several words, some of them of more than one part.
 */
function shapeOf(header: string): string {
  return header
    .replace(MARKS, '')
    .replace(/\p{Nd}+/gu, '0')
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/[^0[]+/gu, (between) => (/\p{L}/u.test(between) ? 'A' : between))
}
