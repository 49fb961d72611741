import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';

export const countries = defineResource(metadata, 'Country', {
  columns: ['name', 'code', 'code2', 'region', 'subregion', 'capital', 'area', 'languages'],
  filters: ['area'],
  search: ['name', 'capital', 'region', 'subregion'],
  defaultSort: 'name',
  form: ['code', 'code2', 'name', 'region', 'subregion', 'capital', 'capitalCity', 'area', 'languages', 'currencies'],
  fields: {
    code2: { label: 'Two letters' },
    area: { label: 'Area (km²)' },
    capital: { label: 'Capital (name)' },
    capitalCity: { label: 'Capital city' },
  },
});
