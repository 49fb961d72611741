import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright/test';
import { expect } from './app.ts';

export async function expectAccessible(page: Page, what: string): Promise<void> {
  await settled(page);
  // Of what axe looks at in one document, only what is wrong is put in words: our pages have no
  // frames to put together.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze();
  expect(
    violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, target }) => `${target.join(' ')} ${html}`).join(', ')}`,
    ),
    what,
  ).toEqual([]);
}

/**
 * Colours fade in; axe must see where they end: a second at most, since what turns for ever, or
 * stands still, has no end.
 */
async function settled(page: Page): Promise<void> {
  await page.evaluate(() => {
    const settle = async () => {
      // Two frames: what the last action changed has begun to fade by then.
      for (let frames = 0; frames < 2; frames++)
        await new Promise((done) => requestAnimationFrame(done));
      const ending = document
        .getAnimations()
        .filter(
          (animation) => animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY,
        );
      await Promise.allSettled(ending.map(({ finished }) => finished));
    };
    return Promise.race([settle(), new Promise<void>((done) => setTimeout(done, 1_000))]);
  });
}
