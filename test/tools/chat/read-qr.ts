import { stripVTControlCharacters } from 'node:util'
import jsQR from 'jsqr'

const PIXELS = 4

/** What a camera sees of the lines: black where the foreground is, two modules a character. */
function photograph(lines: readonly string[]): { data: Uint8ClampedArray; width: number; height: number } {
  const rows = lines.map(stripVTControlCharacters).flatMap((line) => {
    const characters = [...line]
    return [characters.map((one) => one === '█' || one === '▀'), characters.map((one) => one === '█' || one === '▄')]
  })
  const width = (rows[0]?.length ?? 0) * PIXELS
  const height = rows.length * PIXELS
  const data = new Uint8ClampedArray(width * height * 4)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const isBlack = rows[Math.floor(pixel / width / PIXELS)]?.[Math.floor((pixel % width) / PIXELS)]
    const shade = isBlack === true ? 0 : 255
    data.set([shade, shade, shade, 255], pixel * 4)
  }
  return { data, width, height }
}

/** The text of the QR code in the lines; undefined: a camera finds none. */
export function readQr(lines: readonly string[]): string | undefined {
  const { data, width, height } = photograph(lines)
  return jsQR.default(data, width, height)?.data
}
