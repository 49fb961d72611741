import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';
import { archive } from './archive.ts';

export const cities = defineResource(metadata, 'City', {
  columns: [
    'name',
    'country',
    'featureCode',
    'population',
    'status',
    'featured',
    'rating',
    'position',
  ],
  computed: {
    position: {
      needs: ['latitude', 'longitude'],
      value: ({ latitude, longitude }) => `${latitude.toFixed(2)}, ${longitude.toFixed(2)}`,
      align: 'end',
      link: ({ latitude, longitude }) =>
        `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=11/${latitude}/${longitude}`,
    },
  },
  filters: ['country', 'status', 'featureCode', 'featured', 'population', 'rating'],
  search: ['name', 'altName'],
  form: [
    'name',
    'altName',
    {
      label: 'Where it is',
      help: 'Latitude and longitude in degrees, north and east positive.',
      fields: ['country', 'adminCode', 'latitude', 'longitude'],
    },
    { label: 'What it is', fields: ['featureCode', 'population'] },
    { label: 'Editing', fields: ['status', 'featured', 'rating', 'reviewedAt', 'tags', 'notes'] },
  ],
  operations: [archive],
  bulk: {
    fields: [
      'status',
      'featured',
      'rating',
      'reviewedAt',
      'featureCode',
      'adminCode',
      'country',
      'tags',
      'notes',
    ],
    reason: 'optional',
  },
  fields: {
    altName: { label: 'Alternative name', help: 'As people elsewhere write it.' },
    featureCode: {
      label: 'Feature',
      help: 'PPL is a populated place, PPLA the seat of an administration, PPLC a capital.',
    },
    adminCode: {
      label: 'Admin code',
      help: 'First-level division within the country, as GeoNames numbers them.',
    },
    reviewedAt: { label: 'Reviewed' },
    updatedAt: { label: 'Updated' },
  },
});
