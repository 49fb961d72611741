import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';

export const cities = defineResource(metadata, 'City', {
  columns: ['name', 'country', 'featureCode', 'population', 'status', 'featured', 'rating', 'updatedAt'],
  filters: ['country', 'status', 'featureCode', 'featured', 'population', 'rating'],
  search: ['name', 'altName'],
  form: [
    'name',
    'altName',
    'country',
    'featureCode',
    'adminCode',
    'population',
    'latitude',
    'longitude',
    'status',
    'featured',
    'rating',
    'reviewedAt',
    'tags',
    'notes',
  ],
  bulk: { fields: ['status', 'featured', 'rating', 'reviewedAt', 'featureCode', 'adminCode', 'country', 'tags', 'notes'] },
  fields: {
    altName: { label: 'Alternative name' },
    featureCode: { label: 'Feature' },
    adminCode: { label: 'Admin code' },
    reviewedAt: { label: 'Reviewed' },
    updatedAt: { label: 'Updated' },
  },
});
