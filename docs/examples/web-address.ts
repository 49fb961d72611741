import { type FieldKind, type FilterOperator, kinds } from '../../src/index.ts';

/** A text that is an address of the web; shown without its scheme, and filtered by its host. */
export const webAddress: FieldKind = {
  ...kinds.text,
  name: 'web-address',
  format: (value) => ({ text: String(value ?? '').replace(/^https?:\/\//, ''), align: 'start' }),
  parse(input, field) {
    const parsed = kinds.text.parse(input, field);
    if ('error' in parsed || parsed.value === null) return parsed;
    const address = String(parsed.value);
    const isWeb = URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
    return isWeb
      ? { value: new URL(address).href }
      : { error: `${field.label} must be an address such as https://example.com.` };
  },
  operators: (field) => [atHost, ...kinds.text.operators(field)],
};

const atHost: FilterOperator = {
  name: 'host',
  label: 'is at',
  input: 'one',
  value: null,
  includesEmpty: false,
  where([host = ''], field) {
    if (!/^[a-z\d.-]+$/i.test(host))
      return { error: `${field.label} is compared with a host such as example.com.` };
    const starts = [`http://${host}/`, `https://${host}/`];
    return { value: { OR: starts.map((start) => ({ [field.meta.name]: { startsWith: start } })) } };
  },
};
