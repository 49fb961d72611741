import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { defineResource } from '../index.ts';
import { clientOf } from './client.ts';
import { money } from './money.ts';

export const countries = defineResource(metadata, 'Country', {
  columns: [
    'name',
    'code',
    'code2',
    'region',
    'subregion',
    'capital',
    'area',
    'surveyBudget',
    'languages',
  ],
  filters: ['area', 'surveyBudget'],
  search: ['name', 'capital', 'region', 'subregion'],
  defaultSort: 'name',
  form: [
    'code',
    'code2',
    'name',
    'region',
    'subregion',
    'capital',
    'capitalCity',
    'area',
    'surveyBudget',
    'languages',
    'currencies',
    'cityCount',
    'cityPopulation',
  ],
  fields: {
    code: { help: 'Three capital letters, ISO 3166-1.' },
    code2: { label: 'Two letters', help: 'Two capital letters, ISO 3166-1.' },
    area: { label: 'Area (km²)' },
    surveyBudget: {
      label: 'Survey budget (€)',
      help: 'What its survey may cost, such as 5,50.',
      kind: money,
    },
    cityCount: { label: 'Places', help: 'Filled in by Recount.' },
    cityPopulation: { label: 'Population', help: 'Of its places. Filled in by Recount.' },
    capital: { label: 'Capital (name)' },
    capitalCity: { label: 'Capital city' },
  },
  hooks: {
    /** Whoever moves a country to another region has its places reviewed again. */
    async afterSave({ before, record, tx, lock }) {
      if (!before || before.region === record.region) return;
      const { city } = clientOf(tx);
      const where = { countryCode: record.code, reviewedAt: { not: null } };
      const reviewed = await city.findMany({ where, select: { id: true } });
      await lock(
        'cities',
        reviewed.map(({ id }) => id),
      );
      await city.updateMany({ where, data: { reviewedAt: null } });
    },
  },
  validate({ code, code2, area }) {
    return {
      ...(!/^[A-Z]{3}$/.test(code) && { code: 'A code has three capital letters, such as ESP.' }),
      ...(!/^[A-Z]{2}$/.test(code2) && { code2: 'This code has two capital letters, such as ES.' }),
      ...(area.isNegative() && { area: 'No country has less than no area.' }),
    };
  },
});
