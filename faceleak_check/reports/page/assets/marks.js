// What a reviewer has marked in one policy. It is kept in this browser where that is possible, and only there.

class Marks extends EventTarget {
  #place;
  #marks = new Map();
  #timer = 0;
  form = { reason: "", owner: "", expires: "", keep: false };
  isKept = true;

  constructor(evidence, policy) {
    super();
    this.#place = `faceleak-report:${evidence}:${policy}`;
    this.#load();
    // marks made in the last moments before the page is left
    addEventListener("pagehide", () => this.#save());
  }

  get size() { return this.#marks.size; }

  of(key) { return this.#marks.get(key); }

  entries() { return [...this.#marks.entries()]; }

  change(key, part) {
    const mark = { mark: "", reason: "", owner: "", expires: "", ...this.#marks.get(key), ...part };
    if (mark.mark) this.#marks.set(key, mark);
    else this.#marks.delete(key);
    this.#changed();
  }

  changeForm(part) {
    Object.assign(this.form, part);
    this.#changed();
  }

  clear() {
    this.#marks.clear();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), 200);
  }

  #load() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#place) ?? "null");
      if (!kept) return;
      for (const name of ["reason", "owner", "expires"]) this.form[name] = String(kept.form?.[name] ?? "");
      this.form.keep = kept.form?.keep === true;
      for (const [key, mark] of kept.marks ?? []) {
        if (mark.mark === "other" || mark.mark === "accepted") this.#marks.set(String(key), mark);
      }
    } catch {
      this.isKept = false;
    }
  }

  #save() {
    clearTimeout(this.#timer);
    const before = this.isKept;
    try {
      const kept = JSON.stringify({ form: this.form, marks: this.entries() });
      localStorage.setItem(this.#place, kept);
      this.isKept = true;
    } catch {
      this.isKept = false;
    }
    if (this.isKept !== before) this.dispatchEvent(new Event("change"));
  }
}
