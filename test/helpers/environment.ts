/** What every program under test needs of this process's environment, and no setting: the cache holds compiled modules. */
export function environment(): { readonly PATH: string | undefined; readonly NODE_COMPILE_CACHE: string | undefined } {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, NODE_COMPILE_CACHE }
}
