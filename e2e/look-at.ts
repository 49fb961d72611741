import { expect, type Page, type TestInfo } from 'playwright/test';
import { expectAccessible } from './accessible.ts';
import { picture } from './picture.ts';

/** Pictures at both widths in both schemes: axe finds nothing, and nothing is wider than the page. */
export async function lookAt(
  page: Page,
  info: TestInfo,
  name: string,
  desktop = 1366,
): Promise<void> {
  await expectAccessible(page, name);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [desktop, 390]) {
      await page.setViewportSize({ width, height: 850 });
      await picture(page, info, `${name}-${colorScheme}-${width}`, { fullPage: true });
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1366, height: 850 });
}
