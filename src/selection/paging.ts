import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';

export const pageSizes = [25, 50, limits.list.rows] as const;

/** Reads size and page out of a URL; what they cannot be is an error. */
export function parsePaging({
  _page,
  _size,
}: {
  _page?: string | undefined;
  _size?: string | undefined;
}): {
  page: number | null;
  size: number;
} {
  const size = Number(_size || pageSizes[0]);
  if (!(pageSizes as readonly number[]).includes(size)) {
    throw new AppError('invalid-size', 422, `A page has ${pageSizes.join(', ')} records.`, {
      field: '_size',
    });
  }
  if (!_page) return { page: null, size };
  const page = Number(_page);
  if (!/^\d{1,15}$/.test(_page) || page < 1)
    throw new AppError('invalid-page', 422, 'Pages are numbered from 1.', { field: '_page' });
  return { page, size };
}
