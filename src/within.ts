/** Throws where it takes longer; what goes on behind is not waited for. */
export async function within<T>(
  answer: Promise<T>,
  ms: number,
  why: () => Error = () => new Error(`No answer within ${Math.round(ms / 100) / 10} s.`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  answer.catch(() => undefined);
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(why()), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
