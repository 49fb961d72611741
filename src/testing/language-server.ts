import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');

interface ServerMessage {
  id?: number;
  method?: string;
  result?: unknown;
  error?: { message: string };
}

/** What the compiler shows whoever points at a word. */
export interface LanguageServer {
  /**
   * What stands in the box over a place of a text, and under it the doc comment.
   *
   * @param file where the text stands, or would
   */
  hover(file: string, text: string, at: number): Promise<{ types: string; comment: string }>;
  close(): Promise<void>;
}

/** Starts the compiler's own language server, as an editor does. */
export async function startLanguageServer(folder: string): Promise<LanguageServer> {
  const server = spawn(join(root, 'node_modules/.bin/tsc'), ['--lsp', '--stdio'], { cwd: folder });
  const waiting = new Map<number, (answer: ServerMessage) => void>();
  let received = Buffer.alloc(0);
  server.stdout.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    for (;;) {
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(received.toString('utf8', 0, end))?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      const message = JSON.parse(
        received.toString('utf8', end + 4, end + 4 + length),
      ) as ServerMessage;
      received = received.subarray(end + 4 + length);
      // It asks for what an editor is set to; nothing is.
      if (message.method && message.id !== undefined) send({ id: message.id, result: null });
      else if (message.id !== undefined) waiting.get(message.id)?.(message);
    }
  });
  server.on('exit', () => {
    for (const answer of waiting.values()) answer({ error: { message: 'it has ended' } });
  });
  const send = (message: object) => {
    const text = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    server.stdin.write(`Content-Length: ${text.length}\r\n\r\n`);
    server.stdin.write(text);
  };
  let count = 0;
  const ask = async (method: string, params: object | null): Promise<unknown> => {
    const id = ++count;
    const { result, error } = await new Promise<ServerMessage>((resolve) => {
      waiting.set(id, resolve);
      send({ id, method, params });
    });
    if (error) throw new Error(error.message);
    return result;
  };
  const rootUri = pathToFileURL(folder).href;
  await ask('initialize', {
    processId: process.pid,
    rootUri,
    workspaceFolders: [{ uri: rootUri, name: 'project' }],
    capabilities: { textDocument: { hover: { contentFormat: ['markdown'] } } },
  });
  send({ method: 'initialized', params: {} });
  const open = new Map<string, string>();
  return {
    async hover(file, text, at) {
      const uri = pathToFileURL(file).href;
      if (open.get(file) !== text) {
        const textDocument = { uri, languageId: 'typescript', version: 1, text };
        send({ method: 'textDocument/didOpen', params: { textDocument } });
        open.set(file, text);
      }
      const before = text.slice(0, at).split('\n');
      const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
      const shown = (await ask('textDocument/hover', { textDocument: { uri }, position })) as {
        contents: { value: string };
      } | null;
      const value = shown?.contents.value ?? '';
      const [, types = '', comment = ''] = /^```\w*\n([\s\S]*?)\n```([\s\S]*)$/.exec(value) ?? [];
      return { types, comment: comment.trim() };
    },
    async close() {
      const ended = new Promise((resolve) => server.once('close', resolve));
      await ask('shutdown', null).catch(() => undefined);
      send({ method: 'exit' });
      await ended;
    },
  };
}
