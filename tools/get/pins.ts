/** A program that Go builds, as a go.mod with `tool` lines pins it. */
export interface Pin {
  /** Of the program. */
  readonly name: string
  /** The import path of its `main` package. */
  readonly packagePath: string
  /** Of the module that the package is in, such as `v2.15.2`. */
  readonly version: string
}

/**
 * Reads the `tool` and `require` lines of a go.mod (https://go.dev/ref/mod#go-mod-file).
 * @throws Error when a tool's module has no version there
 */
export function readPins(goMod: string): readonly Pin[] {
  const versions = new Map(lines(goMod, 'require').map(([module = '', version = '']) => [module, version]))
  return lines(goMod, 'tool').map(([packagePath = '']) => {
    const modules = [...versions.keys()].filter((module) => `${packagePath}/`.startsWith(`${module}/`))
    const module = modules.reduce((longest, one) => (one.length > longest.length ? one : longest), '')
    const version = versions.get(module)
    if (version === undefined) throw new Error(`go.mod requires no module that holds ${packagePath}`)
    return { name: programName(packagePath), packagePath, version }
  })
}

/** Whether this, printed by the program when asked for its version, names the pinned one. */
export function isVersion(output: string, { version }: Pin): boolean {
  // A version without a release, v0.0.0-date-revision: such programs print their revision.
  const revision = /-([0-9a-f]{12})$/.exec(version)?.[1]
  const name = (revision ?? version.replace(/^v/, '')).replaceAll('.', '\\.')
  return new RegExp(`(^|[^0-9a-f.])v?${name}${revision === undefined ? '($|[^0-9A-Za-z.-])' : ''}`, 'm').test(output)
}

/** The last part of the path that is not a major version, as `go build` names a program. */
function programName(packagePath: string): string {
  const parts = packagePath.split('/').filter((part, index) => index === 0 || !/^v\d+$/.test(part))
  return parts.at(-1) ?? packagePath
}

/** The words of each line of a directive, in both of its forms: `tool x`, and `tool ( … )`. */
function lines(goMod: string, directive: string): readonly (readonly string[])[] {
  const blocks = [...goMod.matchAll(new RegExp(`^${directive} \\(\\n([^)]*)\\)`, 'gm'))].flatMap(([, body = '']) =>
    body.split('\n'),
  )
  const single = [...goMod.matchAll(new RegExp(`^${directive} ([^(\\s].*)$`, 'gm'))].map(([, line = '']) => line)
  return [...blocks, ...single]
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/))
}
