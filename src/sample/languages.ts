import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';

export const languages = defineResource(metadata, 'Language', {
  columns: ['name', 'code'],
  form: ['code', 'name'],
  search: ['name', 'code'],
  defaultSort: 'name',
  fields: {
    code: {
      link: (code) => `https://iso639-3.sil.org/code/${code}`,
      help: 'Three small letters, ISO 639-3.',
    },
  },
});
