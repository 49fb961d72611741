import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Principal } from 'bulkhead';
import { PrismaClient } from './generated/prisma/client.ts';

/** The application's own client, beside the one that Bulkhead makes for itself. */
export const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL as string }),
});

const hash = (password: string, salt: string) =>
  `${salt}:${scryptSync(password, salt, 32).toString('hex')}`;

export function addReader(reader: { email: string; name: string; role: string; password: string }) {
  const { password, ...rest } = reader;
  const passwordHash = hash(password, randomBytes(8).toString('hex'));
  return prisma.reader.create({ data: { ...rest, passwordHash } });
}

export async function findReader(email: string, password: string) {
  const reader = await prisma.reader.findUnique({ where: { email } });
  const [salt = ''] = reader?.passwordHash.split(':') ?? [];
  const isRight =
    reader !== null &&
    timingSafeEqual(Buffer.from(reader.passwordHash), Buffer.from(hash(password, salt)));
  return isRight ? reader : null;
}

/** As Bulkhead knows a reader; null once there is none. */
export async function principalOf(id: string): Promise<Principal | null> {
  const reader = await prisma.reader.findUnique({ where: { id: Number(id) } });
  return reader && { id, name: reader.name, roles: [reader.role] };
}
