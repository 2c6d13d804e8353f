/**
 * The limits of the protocol. Decoders only bound what they keep (at most one entry more than the limit, so that the
 * receiver sees that there were too many); to refuse what is over a limit is the receiver's part.
 */

/** A WebSocket message, in either encoding. */
export const MAX_MESSAGE_BYTES = 1_048_576

/** Frames in a message from a client. More are refused by the decoder. */
export const MAX_FRAMES = 4_096

/** Of a message in JSON: more than as many frames hold. More, or deeper, is refused by the decoder. */
export const MAX_JSON_VALUES = 65_536
export const MAX_JSON_DEPTH = 32

/** The payload of a copy or a signal. */
export const MAX_PAYLOAD_BYTES = 65_536

/** Copies in a send. */
export const MAX_COPIES = 256

/** Client ids in `about`. */
export const MAX_ABOUT = 1_000

/** Users in a watch or unwatch. */
export const MAX_WATCHED = 1_000

/** The name of an unknown frame that is kept, for the answer and the log. */
export const MAX_NAME_CHARS = 64

const HYPHEN = 0x2d
const CLIENT_ID_CHARS = 36

/** 1 for each code of a hexadecimal digit. */
const HEX = new Uint8Array(128)
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = 1

/**
 * Whether the text is a client id: a UUID of 36 characters, in either case (RFC 9562 section 4), of any version. Every
 * send is checked: a regular expression takes several times as long.
 */
export function isClientId(text: string): boolean {
  if (text.length !== CLIENT_ID_CHARS) return false
  for (let i = 0; i < CLIENT_ID_CHARS; i++) {
    const code = text.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23 ? code !== HYPHEN : HEX[code] !== 1) return false
  }
  return true
}
