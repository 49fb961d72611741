import { defineAdmin } from 'bulkhead';
import sample from '../../../src/admin.ts';
import { people } from './people.ts';

export default defineAdmin({ ...sample, definition: import.meta.url, people });
