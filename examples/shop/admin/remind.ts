import { defineOperation, t } from 'bulkhead';
import { metadata } from '../generated/bulkhead/metadata.ts';
import { sells } from './tenancy.ts';

export const remind = defineOperation(metadata, 'Order', {
  name: 'remind',
  label: 'Remind…',
  icon: 'mail',
  on: ['selection', 'record'],
  allowed: sells,
  form: { text: t.text({ label: 'What they are reminded of', required: true }) },
  needs: ['state'],
  refuse: ({ state }) => (state === 'open' ? null : 'It is not open.'),
  change: ({ now, params }) => ({ remindedAt: now, reminder: params.text }),
});
