/**
 * The lines that watches tell, each made once and held once for all that wait for it, in whatever form: a thousand clients that are behind
 * by the same change hold one text. It is forgotten when nobody waits for it.
 */
export interface Line {
  readonly text: string;
}

/** Of one object, before those that nobody waits for are cleared away. */
const FORMS = 8;

export class WatchLines {
  readonly #known = new WeakMap<object, Map<string, WeakRef<Line>>>();

  /** `of` is what the line tells of, `form` how: both the same, the line is the same. */
  line(of: object, form: string, make: () => string): Line {
    const forms = this.#known.get(of) ?? new Map<string, WeakRef<Line>>();
    this.#known.set(of, forms);
    const known = forms.get(form)?.deref();
    if (known !== undefined) return known;
    if (forms.size >= FORMS) for (const [name, line] of forms) if (line.deref() === undefined) forms.delete(name);
    const line = { text: make() };
    forms.set(form, new WeakRef(line));
    return line;
  }
}
