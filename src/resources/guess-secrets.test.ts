import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldMeta } from '../metadata/contract.ts';
import { isSecretByName } from './guess-secrets.ts';

const field = (name: string, more: Partial<FieldMeta> = {}) =>
  ({
    name,
    kind: 'scalar',
    type: 'String',
    foreignKeyOf: null,
    relation: null,
    ...more,
  }) as unknown as FieldMeta;

const isSecret = (path: string, more: Partial<FieldMeta> = {}) => {
  const [model, name] = path.includes('.')
    ? (path.split('.') as [string, string])
    : ['Person', path];
  return isSecretByName({ name: model }, field(name, more));
};

const secrets =
  `password password_hash passwordHash hashedPassword encryptedPassword PASSWORD pwd passwd pass schemaPass passphrase passcode pin ssn
  secret clientSecret client_secret twoFactorSecret twoFactorBackupCodes webhookSecret token accessToken refresh_token id_token idToken csrfToken
  resetPasswordToken tokens sessionToken session_token apiKey api_key apikey APIKey apiKeys apiKeyHash hashedKey keyHash accessKey accessKeyId accesskey
  signingKey encryptedKey encryptionKey licenseKey privateKey private_key privateKeyPem sshKey masterKey salt otp totp otpSecret totpUri recoveryCodes
  backupCodes backup_codes verificationCode inviteCode invitationCode loginCode accessCode authorizationCode pollingCode mfaLastUsedCode resetCode
  resetLink magicLink authChallenge currentChallenge codeVerifier securityAnswer cookie credentials ciphertext cipherText encryptedData jwt hash hmac
  digestHash seedPhrase mnemonic cvv webhookUrl databaseUrl connectionString secretValue token2 VerificationToken.token Otp.code PasswordResetToken.code
  SecretVersion.value ApiKey.key Credential.value AccessCode.code Session.sid`.split(/\s+/);

const plain =
  `name email username code value key countryCode promoCode zipCode postalCode statusCode errorCode hashtag hashtags secretary tokenCount
  tokenType token_type tokenSymbol tokenExpiresAt accessTokenExpiresAt passwordChangedAt passwordHint secretId secretName keyId apiKeyId
  apiKeyName apiKeyPrefix publicKey sshPublicKey foreignKey cacheKey idempotencyKey objectKey fileKey primaryKey keyword monkey donkey turkey
  fileHash contentHash commitHash blurHash geohash imageHash checksum url avatarUrl websiteUrl link compass passenger passport pinned pinterest opinion
  spinner saltwater cookieConsent assalt authorId author authority sessionId session_state scope provider Country.code Setting.value Setting.key
  Token.symbol description notes tokenizer encoding`.split(/\s+/);

test('names that tell a secret', () => {
  assert.deepEqual(
    secrets.filter((name) => !isSecret(name)),
    [],
  );
});

test('names that only look like one', () => {
  assert.deepEqual(
    plain.filter((name) => isSecret(name)),
    [],
  );
});

test('numbers, timestamps, choices and relations are never guessed; texts, JSON and bytes are, also lists of them', () => {
  for (const type of ['Int', 'BigInt', 'Float', 'Decimal', 'Boolean', 'DateTime']) {
    for (const name of ['password', 'maxTokens', 'tokenCount', 'passwordProtected', 'pin'])
      assert.equal(isSecret(name, { type }), false, name);
  }
  assert.equal(isSecret('token', { kind: 'enum', type: 'TokenKind' }), false);
  assert.equal(isSecret('apiKey', { kind: 'relation', type: 'ApiKey' }), false);
  assert.equal(isSecret('token', { foreignKeyOf: 'owner' }), false);
  for (const type of ['String', 'Json', 'Bytes'])
    assert.equal(isSecret('credentials', { type, isList: true }), true, type);
});
