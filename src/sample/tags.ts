import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';

export const tags = defineResource(metadata, 'Tag', {
  columns: ['name', 'id'],
  form: ['name'],
  defaultSort: 'name',
});
