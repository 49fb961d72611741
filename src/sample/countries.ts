import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';

export const countries = defineResource(metadata, 'Country', {
  columns: ['name', 'code', 'code2', 'region', 'subregion', 'capital', 'area', 'languages'],
  filters: ['area'],
  search: ['name', 'capital', 'region', 'subregion'],
  defaultSort: 'name',
  form: ['code', 'code2', 'name', 'region', 'subregion', 'capital', 'capitalCity', 'area', 'languages', 'currencies'],
  labels: { code: 'Code', code2: 'Two letters', area: 'Area (km²)', capital: 'Capital (name)', capitalCity: 'Capital city' },
});
