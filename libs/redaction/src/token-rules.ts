import { classChanges, entropy, matches, patternRule, type SecretRule, type Span } from './secret-rule.ts'

// Every pattern here is linear: it starts with a literal, or is held to the start of a run by a lookbehind, and no
// quantified part can match the same characters as the part behind it.

const KEY_BEGIN = /-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/g

/** A private key runs to its END line, on one line or many; cut off before that, it runs to the end of the text. */
function findPrivateKeys(text: string): Span[] {
  const spans: Span[] = []
  let covered = 0
  for (const match of matches(KEY_BEGIN, text)) {
    if (match.index < covered) continue
    const end = text.slice(match.index).search(/-{4,5} ?END /)
    if (end === -1) {
      spans.push({ start: match.index, end: text.length })
      break
    }
    const endLine = /^-{4,5} ?END [A-Z0-9 ]{0,60}-{0,5}/.exec(text.slice(match.index + end, match.index + end + 80))
    covered = match.index + end + (endLine?.[0].length ?? 0)
    spans.push({ start: match.index, end: covered })
  }
  return spans
}

const CASED = /^(?=.*[a-z])(?=.*[A-Z])/
const DIGIT = /[0-9]/

/**
 * Whether 40 characters of Base64 are random, not a path or a long name. Either shows it alone: many different characters, or
 * that upper case, lower case and digits change more often than words let them. In 140 MB of code, documents and logs two runs
 * more are taken for random than by the first alone, which missed 4 of 1,000 random ones; both miss 1 of 10,000.
 */
const isRandomKey = (run: string): boolean => {
  if (!CASED.test(run)) return false
  const [bits, changes] = DIGIT.test(run) ? [4.4, 14] : [4.6, 18]
  return entropy(run) >= bits || classChanges(run) >= changes
}

/** Whether 24 letters and digits are random, not a member with a long name: of random ones 1 of 70 has no digit. */
const isRandomToken = (run: string): boolean => CASED.test(run) && (DIGIT.test(run) || classChanges(run) >= 9)

const HEX_SECRET_BITS = 3
const DIGEST_PREFIX = /(?:sha-?(?:256|512)|sha3-(?:256|512)|blake(?:2[bs]|3))[:=/-]$/i

/** Secrets that show by their own form. */
export const TOKEN_RULES: readonly SecretRule[] = [
  { name: 'private_key', find: findPrivateKeys },
  patternRule(
    'github_token',
    /gh[pousr]_[A-Za-z0-9_]{36,}(?:\.[A-Za-z0-9_-]{16,})?(?:\.[A-Za-z0-9_-]{16,})?|github_pat_[A-Za-z0-9_]{22,}/g,
  ),
  patternRule(
    'slack_token',
    /xox[a-z]-[A-Za-z0-9-]{10,}|xoxe\.xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}/g,
  ),
  patternRule('slack_webhook', /hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9+/_-]{8,}/gi),
  patternRule('anthropic_key', /sk-ant-[A-Za-z0-9_-]{16,}/g),
  patternRule('openai_key', /sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{16,}|(?<![A-Za-z0-9])sk-[A-Za-z0-9]{32,}/g),
  patternRule('npm_token', /npm_[A-Za-z0-9]{36,}/g),
  patternRule('stripe_key', /[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/g),
  patternRule('webhook_secret', /whsec_[A-Za-z0-9+/=_-]{16,}/g),
  patternRule(
    'gitlab_token',
    /gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_.-]{20,}|GR1348941[A-Za-z0-9_-]{20,}/g,
  ),
  patternRule('vault_token', /hv[sbr]\.[A-Za-z0-9_-]{24,}/g),
  patternRule('vault_token', /(?<![A-Za-z0-9_.-])s\.[A-Za-z0-9]{24}(?![A-Za-z0-9])/g, {
    accept: (match) => isRandomToken(match[0].slice(2)),
  }),
  patternRule('aws_access_key_id', /(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])/g),
  patternRule('aws_secret_key', /(?<![A-Za-z0-9/+_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])/g, {
    accept: (match) => isRandomKey(match[0]),
  }),
  patternRule('google_api_key', /AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}/g),
  patternRule('jwt', /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{11,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_.-]*)?/g, {
    // `{"` in base64url; a name glued to the front (id_eyJ…) does not hide it.
    accept: (match) => match[0].slice(0, match[0].lastIndexOf('.')).includes('eyJ'),
  }),
  patternRule('high_entropy_hex', /(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{64}(?:[0-9a-fA-F]{64})?(?![0-9A-Za-z])/g, {
    accept: (match, text) =>
      entropy(match[0]) >= HEX_SECRET_BITS &&
      !DIGEST_PREFIX.test(text.slice(Math.max(0, match.index - 12), match.index)),
  }),
]
