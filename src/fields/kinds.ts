import { boolean } from './boolean.ts';
import { bytes } from './bytes.ts';
import { choice } from './choice.ts';
import { dateTime } from './date-time.ts';
import { json } from './json.ts';
import { bigInteger, decimal, float, integer } from './number.ts';
import { bits, network, uuid } from './special-text.ts';
import { text } from './text.ts';
import { xml } from './xml.ts';

/** The kinds of columns by name, to make others of. */
export const kinds = Object.freeze({
  text,
  uuid,
  network,
  bits,
  xml,
  integer,
  bigInteger,
  float,
  decimal,
  boolean,
  choice,
  dateTime,
  json,
  bytes,
});
