import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findSecret, type JsonValue, redactText, redactValue } from './index.ts'

// Made up here in pieces, so that no scanner takes them for real ones.
const run = (length: number): string => 'a1B2c3D4e5F6g7H8'.repeat(20).slice(0, length)
const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const hex64 = '3f9a0c71d2e845b6'.repeat(3) + '9b1e77ac0d52f846'
const jwt = `${base64url('{"alg":"RS256","typ":"JWT"}')}.${base64url('{"sub":"u1","iat":1}')}.${run(86)}`
const pem = (lineEnd: string, type = ''): string =>
  [`-----BEGIN ${type}PRIVATE KEY-----`, run(64), run(40), `-----END ${type}PRIVATE KEY-----`].join(lineEnd)
const AWS_SECRET = 'wJalrXUtnFEMI/K7MDENG/' + 'bPxRfiCYq0Zt8Lw3Dv'

const SECRETS: [string, string][] = [
  ['github_token', `ghp_${run(36)}`],
  ['github_token', `gho_${run(36)}`],
  ['github_token', `github_pat_${run(22)}_${run(59)}`],
  ['github_token', `ghs_123456_${jwt}`],
  ['slack_token', `xoxb-123456789012-${run(24)}`],
  ['slack_token', `xapp-1-A0123-456-${run(24)}`],
  ['slack_webhook', `https://hooks.slack.com/services/T0000/B0000/${run(24)}`],
  ['anthropic_key', `sk-ant-api03-${run(60)}`],
  ['openai_key', `sk-proj-${run(48)}`],
  ['openai_key', `sk-${run(48)}`],
  ['npm_token', `npm_${run(36)}`],
  ['stripe_key', `sk_live_${run(24)}`],
  ['stripe_key', `rk_test_${run(24)}`],
  ['webhook_secret', `whsec_${run(32)}`],
  ['gitlab_token', `glpat-${run(20)}`],
  ['vault_token', `hvs.${run(24)}`],
  ['vault_token', `s.${run(24)}`],
  ['aws_access_key_id', `AKIA${'ABCDEFGH23456723'}`],
  ['aws_secret_key', AWS_SECRET],
  ['google_api_key', `AIza${run(35)}`],
  ['jwt', jwt],
  ['jwt', `id_${jwt}`],
  ['jwt', `host-name-long.example-part.${jwt}`],
  ['private_key', pem('\n')],
  ['private_key', pem('\r\n', 'RSA ')],
  ['private_key', pem('')],
  ['private_key', pem('\\n', 'OPENSSH ')],
  ['private_key', pem('\n', 'EC ').slice(0, 90)],
  ['card_number', '4111111111111111'],
  ['card_number', '5555-5555-5555-4444'],
  ['card_number', '3782 822463 10005'],
  ['iban', 'DE89370400440532013000'],
  ['iban', 'GB29 NWBK 6016 1331 9268 19'],
  ['high_entropy_hex', hex64],
  ['high_entropy_hex', `0x${hex64}`],
]

const ASSIGNED: [string, string, string][] = [
  ['password=hunter2', 'hunter2', 'password=[REDACTED:assignment]'],
  ['DB_PASSWD = "correct horse"', 'correct horse', 'DB_PASSWD = "[REDACTED:assignment]"'],
  ["secret='it\\'s'", "it\\'s", "secret='[REDACTED:assignment]'"],
  ['https://x.test/?token=abc&page=2', 'abc', 'https://x.test/?token=[REDACTED:assignment]&page=2'],
  ['{"password":"hunter2","user":"u"}', 'hunter2', '{"password":"[REDACTED:assignment]","user":"u"}'],
  ['{\\"client_secret\\": \\"hunter2\\"}', 'hunter2', '{\\"client_secret\\": \\"[REDACTED:assignment]\\"}'],
  ['Password: hunter2', 'hunter2', 'Password: [REDACTED:assignment]'],
  ['X-Api-Key: 12ab34cd', '12ab34cd', 'X-Api-Key: [REDACTED:assignment]'],
  ['login --password hunter2 --now', 'hunter2', 'login --password [REDACTED:assignment] --now'],
  ['Server=x;Password=p,w;Database=y', 'p,w', 'Server=x;Password=[REDACTED:assignment];Database=y'],
  ['Authorization: Bearer abc.def~1', 'abc.def~1', 'Authorization: Bearer [REDACTED:authorization_header]'],
  ['-H "authorization: Basic dXNlcjpw" x', 'dXNlcjpw', '-H "authorization: Basic [REDACTED:authorization_header]" x'],
  ['sent Bearer abcdefghij123456 ok', 'abcdefghij123456', 'sent Bearer [REDACTED:bearer_token] ok'],
  ['postgres://app:p4ss@db/x', 'p4ss', 'postgres://app:[REDACTED:url_password]@db/x'],
  ['redis://:p4ss@cache:6379', 'p4ss', 'redis://:[REDACTED:url_password]@cache:6379'],
]

const HARMLESS = [
  `sha256:${hex64}`,
  `registry.test/app@sha256:${hex64}`,
  `hmac-sha256:${hex64}`,
  `blobs/sha256/${hex64}`,
  '0'.repeat(64),
  '2fd4e1c67a2d28fced849ee1bb76e7391b93eb12',
  '019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071',
  'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf',
  'kubernetes/apis/apps/v1/namespaces/prod/deployments/Checkout2',
  'https://registry.test:4873/@scope/pkg',
  'https://u@example.test/',
  'max_tokens=500 token_type: bearer',
  'token: ask the owner',
  'the secret: patience',
  'the bearer of this authorization: Bob',
  'risk-assessment task-0123456789 global-configuration-settings-service',
  '4111111111111112',
  '4111 1111 1111 1112',
  '1764021600000',
  '0.4111111111111111',
  'DE89370400440532013001',
  'Dear review board, DE is fine',
  '{{7*7}} $(id) %s 100% sure',
  'VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcw==',
  'org/docs/Web/API/HTMLMediaElement/volume',
  'RuleWithUseExpectToHaveBeenCalledOptions',
  's.isStrictBindReservedWord s.recordAndTupleSyntaxType',
]

/** Random Base64, the same in each run: 40 characters of each hash. */
const randomRuns = (count: number): string[] =>
  Array.from({ length: count }, (_none, at) => createHash('sha256').update(`run ${at}`).digest('base64').slice(0, 40))
const missed = (texts: readonly string[]): number => texts.filter((text) => findSecret(text) === undefined).length

describe('findSecret', () => {
  it.each(SECRETS)('finds a %s in %j, wherever it stands', (rule, secret) => {
    expect(findSecret(secret)).toEqual({ rule })
    expect(findSecret(`see (${secret}), please`)).toEqual({ rule })
    expect(findSecret(`${'lorem '.repeat(1_400)}${secret}`)).toEqual({ rule })
    expect(findSecret(`"${secret}"`)).toEqual({ rule })
  })

  it.each(HARMLESS)('leaves %j alone', (text) => {
    expect(findSecret(text)).toBeUndefined()
    expect(redactText(text)).toBe(text)
  })

  it('misses no more than 2 of 10,000 keys of AWS, whatever characters they have by chance', () => {
    expect(missed(randomRuns(30_000))).toBeLessThanOrEqual(6)
  })

  it('finds keys of AWS with few different characters, and without a digit', () => {
    expect(findSecret('52aO2yEEjaxubaE0ybbd5yGCl5TDabhC5rGEF59K')).toEqual({ rule: 'aws_secret_key' })
    expect(findSecret('aBcDaBcDeFgHeFgHaBcDeFgHaBcDaBcD/aBcDeFg')).toEqual({ rule: 'aws_secret_key' })
  })

  it('misses no more than 3 of 1,000 tokens of Vault of the old form', () => {
    const tokens = randomRuns(20_000)
      .map((run) => run.replaceAll(/[+/]/g, ''))
      .filter((run) => run.length >= 24)
    expect(missed(tokens.map((run) => `s.${run.slice(0, 24)}`))).toBeLessThanOrEqual(60)
  })

  it('leaves the ids, digests and salts of the project alone', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(fc.uuid(), bytes, (id, content) => {
        expect(findSecret(id)).toBeUndefined()
        expect(findSecret(`sha256:${content.toString('hex')}`)).toBeUndefined()
        expect(findSecret(`kid ${content.toString('base64url')}`)).toBeUndefined()
      }),
      // A random text can hold a token by chance, so these are always the same ones.
      { numRuns: 2_000, seed: 8785 },
    )
    // Read without its place, its second part is a Belgian IBAN.
    expect(findSecret('74500000-be68-5390-0754-703400000000')).toBeUndefined()
  })

  it.each(SECRETS.filter(([rule]) => rule !== 'high_entropy_hex'))('finds an encoded %s %#', (rule, secret) => {
    const text = `export A KEY ${secret} done`
    const lines = Buffer.from(`${'x'.repeat(50)} ${text}`)
      .toString('base64')
      .replace(/.{64}(?=.)/g, '$&\n')
    const encodings = {
      base64: Buffer.from(text).toString('base64'),
      base64url: base64url(text),
      wrapped: lines,
      powershell: Buffer.from(text, 'utf16le').toString('base64'),
      hex: Buffer.from(text).toString('hex'),
      percent: [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''),
      query: encodeURIComponent(text),
    }
    for (const encoded of Object.values(encodings)) {
      expect(findSecret(`data: ${encoded} end`)).toEqual({ rule })
      expect(redactText(`data: ${encoded} end`)).toBe(`data: [REDACTED:${rule}] end`)
    }
  })

  it('redacts a wrapped, encoded key as a whole, also after a line that only looks encoded', () => {
    const wrapped = Buffer.from(pem('\n')).toString('base64').replace(/.{64}/g, '$&\n')
    for (const before of ['', 'var/lib/long/path12\n', 'var/lib/long/path/12\n']) {
      expect(redactText(`${before}${wrapped} end`).replace(before, '')).toBe('[REDACTED:private_key] end')
    }
  })
})

describe('redactText', () => {
  it.each(SECRETS)('leaves nothing of a %s: %j', (rule, secret) => {
    expect(redactText(`see (${secret}), please`)).toContain(`[REDACTED:${rule}]`)
    expect(redactText(`see (${secret})`)).not.toContain(secret.slice(-12))
  })

  it.each(ASSIGNED)('takes the value out of %j', (text, secret, redacted) => {
    expect(findSecret(text)).toBeDefined()
    expect(redactText(text)).toBe(redacted)
    expect(redacted).not.toContain(secret)
  })

  it('names a stretch of overlapping secrets once', () => {
    expect(redactText(`token=ghp_${run(36)},x next`)).toBe('token=[REDACTED:github_token] next')
  })

  it('finds a card among other numbers and keeps them', () => {
    expect(redactText('no 0000 4111 1111 1111 1111 12/27')).toBe('no 0000 [REDACTED:card_number] 12/27')
  })

  it('leaves no secret, keeps the words around, and changes nothing the second time', () => {
    const secret = fc.constantFrom(...SECRETS.map(([, text]) => text), ...ASSIGNED.map(([text]) => text))
    const word = fc.constantFrom('drop', 'table', '(x)', 'Zürich', '12', '{"a":1}', '😀', 'line\n')
    fc.assert(
      fc.property(
        fc.array(fc.oneof(secret, word), { maxLength: 8 }),
        fc.constantFrom(' ', ', ', '\n', '" '),
        (parts, gap) => {
          const redacted = redactText(parts.join(gap))
          expect(findSecret(redacted)).toBeUndefined()
          expect(redactText(redacted)).toBe(redacted)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('never throws', () => {
    const text = fc.string({
      unit: fc.constantFrom(...Array.from('-=:"\\\'@/%. \neyJ4aZ5_+'), 'password', '://', '-----BEGIN PRIVATE KEY'),
    })
    fc.assert(
      fc.property(text, (given) => {
        expect(typeof redactText(given)).toBe('string')
      }),
      { numRuns: 2_000 },
    )
  })

  it('redacts 10,000 secrets in one text', () => {
    const text = `ghp_${run(36)} password=hunter2 `.repeat(5_000)
    expect(redactText(text)).toBe('[REDACTED:github_token] password=[REDACTED:assignment] '.repeat(5_000))
  })

  // Each of these takes hours if one rule is quadratic; the rules are linear, and the limit is only there to fail.
  it.each([
    'eyJ',
    'eyJaaaaaaaaaaa.',
    '-----BEGIN PRIVATE KEY',
    '-',
    '--a-',
    '://',
    '://a:',
    `://${'a'.repeat(120)}:`,
    'password=',
    'password="',
    'password="\\"',
    'token\\\\\\"',
    'token: ',
    'bearer ',
    'authorization: ',
    '1',
    '4 ',
    '4111 1111 1111 1112 ',
    'DE89 ',
    'f0',
    'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk\n',
    '%41',
    'abcdefgh%41 ',
    'ghp_a.',
    'sk-ant-',
    ' ',
    '\n',
    'a.',
  ])(
    'takes linear time for a megabyte of %j',
    (unit) => {
      const text = unit.repeat(Math.ceil(2 ** 20 / unit.length))
      expect(typeof redactText(text)).toBe('string')
    },
    20_000,
  )
})

describe('redactValue', () => {
  it('redacts every string and key in a copy', () => {
    const token = `npm_${run(36)}`
    const given: JsonValue = { a: [token, { [token]: 1, b: null }], c: `password=x1`, d: true }
    const before = structuredClone(given)
    expect(redactValue(given)).toEqual({
      a: ['[REDACTED:npm_token]', { '[REDACTED:npm_token]': 1, b: null }],
      c: 'password=[REDACTED:assignment]',
      d: true,
    })
    expect(given).toEqual(before)
  })

  it('withholds what stands under a name that says secret', () => {
    expect(redactValue({ db_password: 'x', apiKey: 12, token: ['a', { b: 'c' }], tokens: 3, secret: '' })).toEqual({
      db_password: '[REDACTED:assignment]',
      apiKey: '[REDACTED:assignment]',
      token: ['[REDACTED:assignment]', { b: 'c' }],
      tokens: 3,
      secret: '',
    })
  })

  it('keeps two members whose keys are both redacted', () => {
    const [one, two] = [`npm_${run(36)}`, `npm_${run(37)}`]
    expect(redactValue({ [one]: 1, [two]: 2 })).toEqual({ '[REDACTED:npm_token]': 1, '[REDACTED:npm_token]#2': 2 })
  })

  it('keeps order and content of values without secrets, at any depth, without touching a prototype', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        fc.pre(findSecret(text) === undefined)
        expect(JSON.stringify(redactValue(JSON.parse(text)))).toBe(text)
      }),
    )
    let deep: JsonValue = 'x'
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep]
    expect(Array.isArray(redactValue(deep))).toBe(true)
    expect(JSON.stringify(redactValue(JSON.parse('{"__proto__":{"admin":true}}')))).toBe('{"__proto__":{"admin":true}}')
  })
})
