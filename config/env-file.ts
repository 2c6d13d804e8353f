import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError } from './config.ts'
import { decodeText } from './decode-text.ts'

/**
 * The variables of a file such as `.env`; none when there is no file.
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
  const text = decodeText(bytes)
  if (text === undefined) throw new ConfigError([`${file} is no text in UTF-8: save it as UTF-8`])
  return parseEnv(text) as Record<string, string>
}

function unreadable(file: string, code: string | undefined): string {
  return `${file} cannot be read (${code ?? 'unknown'}): let the user that runs this read it`
}
