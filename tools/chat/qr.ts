import { encode } from 'uqr'

/** Modules of white around the code, which scanners need. ISO/IEC 18004 asks for 4; they are content with 2. */
const BORDER = 2
/** Black on white, whatever the colours of the terminal are. */
const COLOURS = '\x1b[38;5;16;48;5;231m'
const RESET = '\x1b[0m'

/** A QR code as lines of a terminal, two rows of modules a line. */
export function qrLines(text: string): string[] {
  const { data } = encode(text, { border: BORDER, ecc: 'L' })
  const lines: string[] = []
  for (let row = 0; row < data.length; row += 2) {
    const upper = data[row] ?? []
    const lower = data[row + 1] ?? []
    const blocks = upper.map((isBlack, column) => block(isBlack, lower[column] === true))
    lines.push(`${COLOURS}${blocks.join('')}${RESET}`)
  }
  return lines
}

function block(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀'
  return lower ? '▄' : ' '
}
