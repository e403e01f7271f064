/** The same, each asked for while its forerunner is worked on. */
export async function* ahead<T>(stream: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = stream.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = stream.next();
      // Where this one fails to be worked on, nobody asks for what became of the next.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await stream.return(undefined);
  }
}
