/** Remembers at most so many; one more, and what was set first is forgotten. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #max: number;

  constructor(max: number) {
    super();
    this.#max = max;
  }

  override set(key: K, value: V): this {
    super.set(key, value);
    const [first] = this.keys();
    if (this.size > this.#max) this.delete(first as K);
    return this;
  }
}
