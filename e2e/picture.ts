import type { Page, PageScreenshotOptions, TestInfo } from 'playwright/test';

/**
 * Keeps a picture of a page in `test-results`, for whoever asks for pictures: nothing is found by
 * them.
 */
export async function picture(
  page: Page,
  info: TestInfo,
  name: string,
  options: PageScreenshotOptions = {},
): Promise<void> {
  if (process.env.BULKHEAD_TEST_PICTURES !== 'true') return;
  await page.screenshot({ path: info.outputPath(`${name}.png`), ...options });
}
