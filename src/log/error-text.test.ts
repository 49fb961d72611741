import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorMessage, errorText } from './error-text.ts';

const planted = 'pl4nted';

function ofDatabase(code: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name: 'error', code, ...more });
}

function ofPrisma(code: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), {
    name: 'PrismaClientKnownRequestError',
    code,
    ...more,
  });
}

test('words of the database that hold values are left out, and names of its own stay', () => {
  const detail = `Key (email)=(${planted}) already exists.`;
  const said: [error: Error, words: string][] = [
    [
      ofDatabase('23505', 'duplicate key value violates unique constraint "user_email"', {
        detail,
      }),
      'duplicate key value violates unique constraint "user_email"',
    ],
    [
      ofDatabase('23514', `price ${planted} is odd`),
      '(its words may hold values, so they are not said)',
    ],
    [
      ofDatabase('22P02', `invalid input syntax for type integer: "${planted}"`),
      'invalid input syntax for type integer …',
    ],
    [ofDatabase('22003', `value "${planted}" is out of range`), 'value …'],
    [ofDatabase('22012', 'division by zero'), 'division by zero'],
    [ofDatabase('P0001', `no ${planted}`), '(its words may hold values, so they are not said)'],
    [
      ofDatabase('42501', `no ${planted}`, { routine: 'exec_stmt_raise' }),
      '(its words may hold values, so they are not said)',
    ],
    [ofDatabase('42703', 'column "nmae" does not exist'), 'column "nmae" does not exist'],
    [ofDatabase('57P01', 'terminating connection'), 'terminating connection'],
    [
      ofPrisma(
        'P2002',
        `\nInvalid \`prisma.user.create()\` invocation in\n{ email: "${planted}" }\n\nUnique constraint failed on the fields: (\`email\`)`,
      ),
      'Invalid prisma.user.create() invocation: Unique constraint failed on the fields: (`email`)',
    ],
    [
      Object.assign(
        new Error(
          `\nInvalid \`prisma.user.create()\` invocation:\n{ email: "${planted}" }\n\nArgument ${planted}`,
        ),
        {
          name: 'PrismaClientValidationError',
        },
      ),
      'Invalid prisma.user.create() invocation: (its words may hold values, so they are not said)',
    ],
    [
      ofPrisma('P2010', `Raw query failed. Message: ${planted}`),
      '(its words may hold values, so they are not said)',
    ],
    [
      new TypeError(`Failed to parse URL from https://me:${planted}@example.com/${planted}`),
      'Failed to parse URL from https://example.com/…',
    ],
    [
      new Error(`cannot reach postgresql://me:${planted}@host:5432/db`),
      'cannot reach postgresql://host:5432/…',
    ],
    [
      Object.assign(new RangeError(`It must be >= 0. Received ${planted}`), {
        code: 'ERR_OUT_OF_RANGE',
      }),
      'It must be >= 0. Received …',
    ],
    [new Error('the bus is late'), 'the bus is late'],
  ];
  for (const [error, words] of said) {
    assert.equal(errorMessage(error), words);
    assert.ok(errorText(error).includes(words));
    assert.ok(!errorText(error).includes(planted), errorText(error));
  }
  for (const parse of [
    () => JSON.parse(planted),
    () => BigInt(planted),
    () => decodeURI(`%${planted}`),
  ])
    assert.ok(!errorText(thrownBy(parse)).includes(planted));
});

test('where it was thrown and what caused it are said, and no line of its words is taken for that', () => {
  const cause = ofDatabase('22P02', `invalid: "${planted}\n    at ${planted} (x)"`);
  const error = Object.assign(new Error('outer', { cause }), { code: 'E1' });
  const text = errorText(error);
  assert.match(text, /^Error \[E1\]: outer\n {4}at .*error-text\.test\.ts/);
  assert.match(text, /\n {0,2}caused by error \[22P02\]: invalid …\n {6}at /);
  assert.ok(!text.includes(planted), text);
  const round = new Error('round');
  round.cause = round;
  assert.equal(errorText(round).split('round').length - 1, 5);
  assert.match(
    errorText(new AggregateError([new Error('one'), new Error('two')], 'both')),
    /one[\s\S]*two/,
  );
  assert.equal(errorText('a word'), 'a word');
});

function thrownBy(code: () => unknown): unknown {
  try {
    code();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
