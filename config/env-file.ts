import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError } from './config.ts'

/**
 * The variables of a file such as `.env`; none when there is no file. Editors on Windows begin it with a byte order mark, or
 * save it as UTF-16.
 *
 * @throws ConfigError when it cannot be read
 */
export function readEnvFile(file: string): Readonly<Record<string, string>> {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return {}
    throw new ConfigError([
      code === 'EISDIR' ? `${file} is a folder: it must be a file, or not be there` : unreadable(file, code),
    ])
  }
  try {
    const text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
    return parseEnv(text) as Record<string, string>
  } catch {
    throw new ConfigError([`${file} is no text in UTF-8: save it as UTF-8`])
  }
}

function unreadable(file: string, code: string | undefined): string {
  return `${file} cannot be read (${code ?? 'unknown'}): let the user that runs this read it`
}

/** In UTF-16 without a mark every second byte of a name is zero. */
function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be'
  return 'utf-8'
}
