import { matches, type SecretRule, type Span } from './secret-rule.ts'

// Groups as they are printed and typed, joined by one kind of separator. The lookahead sees the whole number while the
// match takes its first group only, so the next group is tried as a start too: "0000 4111 1111 1111 1111 12 27".
const CARD_FORMS: readonly RegExp[] = [
  /(?<!\d|\d\.)(?=(?<card>[2-6]\d{12,18})(?!\d))\d{13}/g,
  /(?<!\d)(?=(?<card>[2-6]\d{3}([ -])\d{4}\2\d{4}\2\d{1,4})(?!\d))\d{4}/g,
  /(?<!\d)(?=(?<card>[2-6]\d{3}([ -])\d{4}\2\d{4}\2\d{4}\2\d{1,3})(?!\d))\d{4}/g,
  /(?<!\d)(?=(?<card>[2-6]\d{3}([ -])\d{6}\2\d{4,5})(?!\d))\d{4}/g,
]
const HEX_BEFORE = /[0-9a-fA-F]{1,8}$/
const HEX_AFTER = /^[0-9a-fA-F]{1,8}/

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 0x30
    const doubled = index % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

// Issuer ranges (ISO/IEC 7812) with the lengths in use: Visa, Mastercard, American Express, Diners, Discover, JCB,
// UnionPay. Without them one long number in ten would pass as a card.
const ISSUERS: readonly RegExp[] = [
  /^4(?:\d{12}|\d{15}|\d{18})$/,
  /^(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}$/,
  /^3[47]\d{13}$/,
  /^3(?:0[0-5]|[68]\d)\d{11}$/,
  /^(?:6011|65\d\d|64[4-9]\d)\d{12,15}$/,
  /^35(?:2[89]|[3-8]\d)\d{12,15}$/,
  /^62\d{14,17}$/,
]

const isCard = (digits: string): boolean => ISSUERS.some((issuer) => issuer.test(digits)) && passesLuhn(digits)

/** A stretch of a longer hexadecimal word (digest, UUID) is no card. */
function insideHexWord(text: string, span: Span): boolean {
  const before = HEX_BEFORE.exec(text.slice(Math.max(0, span.start - 8), span.start))?.[0].length ?? 0
  const after = HEX_AFTER.exec(text.slice(span.end, span.end + 8))?.[0].length ?? 0
  return before + after >= 4 || /^-[0-9A-Za-z]/.test(text.slice(span.end, span.end + 2))
}

function findCards(text: string): Span[] {
  const spans: Span[] = []
  for (const form of CARD_FORMS) {
    for (const match of matches(form, text)) {
      const card = match.groups?.['card'] ?? ''
      const span = { start: match.index, end: match.index + card.length }
      if (isCard(card.replace(/[ -]/g, '')) && !insideHexWord(text, span)) spans.push(span)
    }
  }
  return spans.sort((a, b) => a.start - b.start)
}

// ISO 13616 registry: country and length.
const IBAN_LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
)
// Not next to a dash: that is a part of a UUID.
const IBAN_START = /(?<![A-Za-z0-9-])[A-Za-z]{2}\d\d(?= ?[A-Za-z0-9])/g
const SPACE = 0x20
const DASH = 0x2d

/** 0-9 for digits, 10-35 for letters of either case, -1 for any other character. */
function base36(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x7a ? lower - 0x57 : -1
}

/** Takes as many characters as the country's IBANs have, over single spaces, and checks ISO 7064 mod 97. */
function ibanAt(text: string, start: number): Span | undefined {
  const wanted = IBAN_LENGTHS.get(text.slice(start, start + 2).toUpperCase())
  if (wanted === undefined) return undefined
  const values: number[] = []
  let at = start
  while (values.length < wanted) {
    const unit = text.charCodeAt(at)
    if (unit === SPACE && base36(text.charCodeAt(at + 1)) >= 0) at += 1
    const value = base36(text.charCodeAt(at))
    if (value < 0) return undefined
    values.push(value)
    at += 1
  }
  const next = text.charCodeAt(at)
  if (next === DASH || base36(next) >= 0) return undefined
  let remainder = 0
  // The country and the check digits count last.
  for (let index = 0; index < wanted; index += 1) {
    const value = values[(index + 4) % wanted] ?? 0
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1 ? { start, end: at } : undefined
}

/** Card numbers (Luhn, issuer range) and IBANs (country, length, check digits). */
export const PAYMENT_RULES: readonly SecretRule[] = [
  { name: 'card_number', find: findCards },
  {
    name: 'iban',
    find: (text) =>
      [...matches(IBAN_START, text)].map((match) => ibanAt(text, match.index)).filter((span) => span !== undefined),
  },
]
