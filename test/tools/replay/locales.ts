const LETTERS = [...'abcdefghijklmnopqrstuvwxyz']

/** Regions and scripts whose dates differ from those of their language. */
const VARIANTS = [
  'ar-EG ar-IL ar-MA ar-SA az-Cyrl bs-Cyrl de-AT de-CH en-AU en-BE en-CA en-DK en-FI en-GB en-HK en-IN en-NZ en-SE en-ZA',
  'es-419 es-AR es-CL es-CO es-MX es-PA es-PR es-US fa-AF ff-Adlm fr-BE fr-CA fr-CH it-CH ks-Deva mni-Beng nl-BE pa-Arab',
  'pt-PT sat-Olck sr-Latn sv-FI ur-IN uz-Cyrl zh-HK zh-SG zh-TW',
].flatMap((line) => line.split(' '))

/** Every language that CLDR knows, as this Node has it, and the variants. */
export function listLocales(): readonly string[] {
  const codes = LETTERS.flatMap((a) => LETTERS.flatMap((b) => [`${a}${b}`, ...LETTERS.map((c) => `${a}${b}${c}`)]))
  const known = Intl.DateTimeFormat.supportedLocalesOf(codes)
  // Old codes stand for others.
  const languages = codes.filter((code) => known.includes(code) && new Intl.Locale(code).language === code)
  return [...languages, ...VARIANTS]
}
