/** Bytes for the headers of a request: browsers send all cookies of localhost, whatever program has set them. */
const HEADER_BYTES = '16384'

// uWebSockets.js looks at it when it is loaded: {@link ./uws.ts} loads this first.
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ||= HEADER_BYTES
