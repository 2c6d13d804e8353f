import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { requireTool } from './tools.ts'

/** Writes a key and a certificate for `localhost` that it signs itself, in PEM; both may be the same file. */
export async function writeCertificate(files: { readonly key: string; readonly certificate: string }): Promise<void> {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const curve = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ')
  const args = ['req', '-x509', ...curve, '-keyout', files.key, '-out', files.certificate, ...subject]
  await promisify(execFile)(requireTool('openssl'), args)
}
