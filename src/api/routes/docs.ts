import { DocsAssets } from '../docs-assets.ts'
import { createOpenApi } from '../openapi.ts'
import { type ApiAnswer, openRoute, type RequestHeader, type Route } from '../route.ts'

const TAG = 'Description'

/** Only files of this server, no inline scripts; the page styles its elements itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The description of the other routes, and a page that shows it. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  const assets = new DocsAssets()
  const description = openRoute({
    method: 'GET',
    path: '/openapi.json',
    tag: TAG,
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1' } },
    handle: (): ApiAnswer => ({ status: 200, body: describe(), headers: { 'content-type': 'application/json' } }),
  })
  let bytes: Buffer | undefined
  // Written once, since it is long and anybody may ask for it, and not before: it takes longer than the rest of the routes.
  const describe = (): Buffer => (bytes ??= Buffer.from(JSON.stringify(createOpenApi([...routes, description], '/'))))
  const pages = assets.names.map((name) =>
    openRoute({
      method: 'GET',
      path: name === '' ? '/docs' : `/docs/${name}`,
      tag: TAG,
      hidden: true,
      summary: 'The API page',
      answers: { 200: { description: 'A file of the page' } },
      handle: ({ headers }) => answerFile(assets, name, headers),
    }),
  )
  const start = openRoute({
    method: 'GET',
    path: '/',
    tag: TAG,
    hidden: true,
    summary: 'Where somebody with a browser begins',
    answers: { 302: { description: 'The API page' } },
    handle: (): ApiAnswer => ({ status: 302, headers: { location: 'docs' } }),
  })
  return [description, start, ...pages]
}

async function answerFile(
  assets: DocsAssets,
  name: string,
  headers: Readonly<Record<RequestHeader, string>>,
): Promise<ApiAnswer> {
  const { bytes, gzipped, type, etag } = await assets.find(name)
  const common = {
    etag,
    'content-type': type,
    'cache-control': 'public, max-age=300',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': 'no-referrer',
    vary: 'accept-encoding',
  }
  if (headers['if-none-match'].split(/\s*,\s*/).includes(etag)) return { status: 304, headers: common }
  if (!/\bgzip\b/.test(headers['accept-encoding'])) return { status: 200, body: bytes, headers: common }
  return { status: 200, body: gzipped, headers: { ...common, 'content-encoding': 'gzip' } }
}
