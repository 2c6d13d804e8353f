import { work } from './cells.ts'

const PLAIN = /^[\u{20}-\u{7e}\n]*$/u
/** U+2028 and U+2029 end a line in some terminals; a carriage return would write over its beginning. */
const LINE_ENDS = /\r\n?|[\u{2028}\u{2029}]/gu
/**
 * Control characters (ECMA-48), and what nobody sees: marks that turn the direction of the rest of the line, tags, fillers,
 * annotations. Those that emoji and Persian are written with stay.
 */
const STEERING = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]+/gu
const KEPT = /\n|\u{200c}|\u{200d}|\u{fe0e}|\u{fe0f}/gu
/** More marks on one character than any script needs: they would cover the lines above and below. */
const PILED_MARKS = /([\p{M}\u{200c}\u{200d}]{6})[\p{M}\u{200c}\u{200d}]+/gu

/** What somebody else wrote, without anything that would steer the terminal or change what stands beside it. */
export function printable(text: string): string {
  work.characters += text.length
  if (PLAIN.test(text)) return text
  return text
    .toWellFormed()
    .replaceAll(LINE_ENDS, '\n')
    .replaceAll('\t', '    ')
    .replaceAll(STEERING, (run) => run.match(KEPT)?.join('') ?? '')
    .replaceAll(PILED_MARKS, '$1')
}
