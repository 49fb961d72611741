/**
 * A bar on one line of a terminal; elsewhere a line at the end. Nothing is printed when nothing was
 * done.
 */
export function progressBar(title: string): {
  update(done: number, total: number): void;
  end(): void;
} {
  let shown = false;
  return {
    update(done, total) {
      shown = true;
      if (!process.stdout.isTTY) {
        if (done === total) console.log(`${title}: ${total.toLocaleString('en')} records`);
        return;
      }
      const filled = Math.round((done / total) * 30);
      process.stdout.write(
        `\r${title} [${'█'.repeat(filled)}${'░'.repeat(30 - filled)}] ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`,
      );
    },
    end() {
      if (shown && process.stdout.isTTY) process.stdout.write('\n');
    },
  };
}
