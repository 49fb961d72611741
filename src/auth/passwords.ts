import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

// log2 of scrypt's N, its block size and parallelism: 128 · N · r = 32 MiB a hash.
const cost = 15;
const blockSize = 8;
const parallelism = 1;
const keyLength = 32;
const maxMemory = 256 * 1024 * 1024;

/**
 * Makes `scrypt$15$8$1$<salt>$<key>`. The parameters stand in the hash, so older hashes still
 * verify after the cost is raised.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost, blockSize, parallelism);
  return [
    'scrypt',
    cost,
    blockSize,
    parallelism,
    salt.toString('base64url'),
    key.toString('base64url'),
  ].join('$');
}

export async function isPassword(password: string, hash: string): Promise<boolean> {
  const [kind, n, r, p, salt, key] = hash.split('$');
  if (kind !== 'scrypt' || !salt || !key) return false;
  const expected = Buffer.from(key, 'base64url');
  const actual = await derive(
    password,
    Buffer.from(salt, 'base64url'),
    Number(n),
    Number(r),
    Number(p),
  );
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function derive(password: string, salt: Buffer, n: number, r: number, p: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: 2 ** n, r, p, maxmem: maxMemory };
    scrypt(password.normalize('NFKC'), salt, keyLength, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
