import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

const compress = promisify(gzip)

/** A file of the API page. */
export interface Asset {
  readonly bytes: Buffer
  readonly gzipped: Buffer
  readonly type: string
  readonly etag: string
}

const types: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Parley API</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png" />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`

const start = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#page',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
})
`

/** The files of the API page, by name: '' is the page. They are read when first asked for, and then kept. */
export class DocsAssets {
  readonly names: readonly string[] = ['', 'start.js', ...Object.keys(types)]
  readonly #assets = new Map<string, Promise<Asset>>()

  find(name: string): Promise<Asset> {
    const known = this.#assets.get(name)
    if (known !== undefined) return known
    const asset = load(name)
    this.#assets.set(name, asset)
    asset.catch(() => this.#assets.delete(name))
    return asset
  }
}

async function load(name: string): Promise<Asset> {
  if (name === '') return toAsset(Buffer.from(page), 'text/html; charset=utf-8')
  if (name === 'start.js') return toAsset(Buffer.from(start), 'text/javascript; charset=utf-8')
  const folder = join(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'), '..')
  return toAsset(await readFile(join(folder, name)), types[name] ?? 'application/octet-stream')
}

async function toAsset(bytes: Buffer, type: string): Promise<Asset> {
  const etag = `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"`
  return { bytes, type, etag, gzipped: await compress(bytes, { level: constants.Z_BEST_COMPRESSION }) }
}
