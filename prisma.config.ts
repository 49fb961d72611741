import { defineConfig } from 'prisma/config';

// The command line wants an engine binary before it does anything; `generate` and `validate` never
// run it, so any file serves.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({});
