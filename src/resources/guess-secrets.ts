import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';

/** Kinds of values that a secret is kept in: a number, a timestamp, yes or no, a choice is none. */
const keeping = ['String', 'Json', 'Bytes'];

/** Words that are a secret, as the last of a name. */
const nouns = new Set(
  `password passwd passphrase passcode pass pwd pw pin secret token jwt salt pepper otp totp hotp hash hmac credential creds cookie
  ciphertext mnemonic ssn cvv cvc apikey apitoken apisecret accesskey accesstoken authtoken authkey idtoken refreshtoken sessiontoken
  secretkey privatekey privkey signingkey masterkey passwordhash hashedpassword cert pem keystore dsn`.split(
    /\s+/,
  ),
);

/**
 * What stands before `key` where it opens something; other keys (`publicKey`, `cacheKey`,
 * `objectKey`) do not.
 */
const opening = new Set(
  `api access private priv secret signing sign signature encryption encrypt encrypted decryption hashed license licence auth authentication
  ssh rsa dsa ecdsa ed25519 pgp gpg master session shared service server webhook hmac aes symmetric recovery backup deploy consumer
  account wrapped data vapid stripe pairing admin root`.split(/\s+/),
);

/**
 * What stands before `code` where whoever has it comes in; other codes (`countryCode`, `promoCode`)
 * say what something is.
 */
const admitting = new Set(
  `recovery backup verification verify confirmation confirm auth authorization authorisation authentication login signin access invite invitation
  otp totp mfa 2fa polling reset activation security device pairing magic factor scratch sms unlock pass secret one-time onetime join`.split(
    /\s+/,
  ),
);

/** What stands before `link` or `url` where whoever follows it comes in. */
const leading = new Set(
  'reset magic login signin invite invitation verification verify activation confirmation unlock webhook otp totp otpauth'.split(
    ' ',
  ),
);

/** Servers whose addresses carry a name and a password. */
const servers = new Set(
  'database db connection postgres postgresql mysql mongo mongodb redis amqp smtp'.split(' '),
);

/** Hashes of what is no secret. */
const plainHashes = new Set(
  'file content commit blur geo image block tx transaction query schema tree blob git body url page build perceptual'.split(
    ' ',
  ),
);

/** Words that say in which form a secret is kept, after it. */
const forms = new Set([
  'hash',
  'hashed',
  'encrypted',
  'enc',
  'digest',
  'value',
  'raw',
  'plain',
  'plaintext',
  'text',
  'string',
  'base64',
  'hex',
  'json',
  'old',
  'new',
]);

/** A model of secrets: in it a plain `code`, `value`, `key` is one. */
const secretive = /^(otp|totp|token|secret|password|passcode|credential|apikey|keystore)$/;
const heldThere = new Set(['code', 'value', 'key', 'content', 'payload', 'data', 'identifierhash']);

/** Does a column keep what lets somebody in, going by its name, its kind and its model's name? */
export function isSecretByName(
  { name: model }: Pick<ModelMeta, 'name'>,
  { name, kind, type, foreignKeyOf }: FieldMeta,
): boolean {
  if (foreignKeyOf !== null || kind === 'relation' || kind === 'enum') return false;
  if (kind === 'scalar' && !keeping.includes(type)) return false;
  const words = wordsOf(name);
  const own = wordsOf(model);
  if (
    words.length === 1 &&
    heldThere.has(words[0] as string) &&
    own.some((word, at) => isSecretive(own, word, at))
  )
    return true;
  if (words[0] === 'encrypted' || words[0] === 'hashed') return true;
  if (words.length === 1 && ['sid', 'sess'].includes(words[0] as string) && own.includes('session'))
    return true;
  return isSecret(words);
}

function isSecretive(words: readonly string[], word: string, at: number): boolean {
  const next = words[at + 1] ?? '';
  return (
    secretive.test(word) ||
    (next === 'key' && opening.has(word)) ||
    (next === 'code' && admitting.has(word))
  );
}

function isSecret(words: readonly string[]): boolean {
  const last = words.at(-1) ?? '';
  const front = words.slice(0, -1);
  const before = front.at(-1) ?? '';
  if (last === 'hash') return !plainHashes.has(before);
  if (
    nouns.has(last) ||
    (last === 'text' && before === 'cipher') ||
    (last === 'string' && before === 'connection')
  )
    return true;
  if (forms.has(last) && front.length > 0) return isSecret(front);
  // Half of a pair that is a secret together.
  if (last === 'id' && before === 'key' && front.at(-2) === 'access') return true;
  if (last === 'key') return opening.has(before);
  if (last === 'code') return front.some((word) => admitting.has(word));
  if (last === 'link' || last === 'url' || last === 'uri')
    return front.some((word) => leading.has(word)) || servers.has(before);
  if (last === 'challenge' || last === 'verifier') return true;
  if (last === 'answer') return before === 'security' || before === 'secret';
  if (last === 'phrase') return ['seed', 'recovery', 'pass', 'secret', 'backup'].includes(before);
  return false;
}

/** `twoFactorBackupCodes` → two, factor, backup, code. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_\W]+/)
    .map((word) => word.replace(/(?<=[a-z]{3})\d+$/, ''))
    .map(singular)
    .filter((word) => word !== '');
}

function singular(word: string): string {
  if (word === 'hashes') return 'hash';
  if (word === 'credentials') return 'credential';
  return /[^s]s$/.test(word) &&
    word.length > 3 &&
    !['creds', 'sms', 'dns', 'aws', 'pass'].includes(word)
    ? word.slice(0, -1)
    : word;
}
