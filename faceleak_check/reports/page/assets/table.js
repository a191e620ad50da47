// A table of pairs on the page: its rows, its filter, its order and its pages.

class PairTable {
  #section; #marks; #pictures; #pairs; #found; #body; #pages; #timer = 0;
  #filter = { text: "", person: "", kind: "", outcome: "" };
  #order = { key: "cosine", falling: true };
  #page = 0;
  #size = 25;

  constructor(section, marks, pictures) {
    this.#section = section;
    this.#marks = marks;
    this.#pictures = pictures;
    this.#pairs = JSON.parse(section.querySelector("script").textContent).map(unpacked);
    this.#body = section.querySelector("tbody");
    this.#pages = section.querySelector(".pages");
    this.#listenToFilter(section.querySelector(".filters"));
    this.#listenToTitles();
    this.#listenToPages();
    this.#listenToRows();
    marks.addEventListener("change", () => this.#showMarks());
    addEventListener("beforeprint", () => this.#showForPrint());
    addEventListener("afterprint", () => this.#showPage());
    this.#find();
  }

  #listenToFilter(form) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => this.#readFilter(form)));
    form.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#readFilter(form), 120);
    });
  }

  #readFilter(form) {
    for (const field of form.querySelectorAll("[data-filter]")) this.#filter[field.dataset.filter] = field.value;
    this.#page = 0;
    this.#find();
  }

  #listenToTitles() {
    for (const title of this.#section.querySelectorAll("th[data-key]")) {
      const button = title.querySelector("button");
      button.disabled = false;
      button.addEventListener("click", () => {
        const { key } = title.dataset;
        const falling = this.#order.key === key ? !this.#order.falling : FALLING_FIRST.has(key);
        this.#order = { key, falling };
        this.#page = 0;
        this.#find();
      });
    }
  }

  #listenToPages() {
    const [number, size] = this.#pages.querySelectorAll("input, select");
    const places = {
      first: () => 0,
      previous: () => this.#page - 1,
      next: () => this.#page + 1,
      last: () => this.#nPages - 1,
    };
    for (const button of this.#pages.querySelectorAll("button")) {
      button.addEventListener("click", () => this.#turnTo(places[button.dataset.page]()));
    }
    number.addEventListener("change", () => this.#turnTo(Math.trunc(number.valueAsNumber || 1) - 1));
    size.addEventListener("change", () => {
      const first = this.#page * this.#size;
      this.#size = Number(size.value);
      this.#turnTo(Math.floor(first / this.#size));
    });
  }

  #listenToRows() {
    const pairOf = (event) => this.#pairs[event.target.closest("tr").dataset.place];
    this.#body.addEventListener("change", (event) => {
      if (event.target.type === "radio") this.#marks.change(pairOf(event).key, { mark: event.target.value });
    });
    this.#body.addEventListener("input", (event) => {
      const { own } = event.target.dataset;
      if (own) this.#marks.change(pairOf(event).key, { [own]: event.target.value });
    });
  }

  get #nPages() { return Math.max(1, Math.ceil(this.#found.length / this.#size)); }

  #find() {
    const fit = fitting(this.#pairs, this.#filter, this.#marks);
    this.#found = sorted(fit, this.#order, this.#marks);
    for (const title of this.#section.querySelectorAll("th[data-key]")) {
      if (title.dataset.key === this.#order.key) {
        title.setAttribute("aria-sort", this.#order.falling ? "descending" : "ascending");
      } else title.removeAttribute("aria-sort");
    }
    this.#showPage();
  }

  #turnTo(page) {
    this.#page = Math.min(Math.max(page, 0), this.#nPages - 1);
    this.#showPage();
  }

  #showPage() {
    const first = this.#page * this.#size;
    const rows = this.#found.slice(first, first + this.#size);
    this.#show(rows);
    this.#tell(rows.length ? first + 1 : 0, first + rows.length);
    this.#section.querySelector(".printed").hidden = true;
  }

  #show(pairs) {
    this.#body.replaceChildren(...pairs.map((pair) => this.#row(pair)));
    this.#showMarks();
  }

  #tell(first, last) {
    const all = this.#pairs.length.toLocaleString("en");
    const found = this.#found.length.toLocaleString("en");
    const fit = this.#found.length < this.#pairs.length ? `${found} of ${all} pairs fit` : `${all} ${all === "1" ? "pair" : "pairs"}`;
    const to = first === last ? "" : ` to ${last.toLocaleString("en")}`;
    const span = `${first.toLocaleString("en")}${to} shown`;
    this.#section.querySelector(".found").textContent = last ? `${fit}: ${span}.` : `No pair of ${all} fits.`;
    const [number] = this.#pages.querySelectorAll("input");
    number.value = this.#page + 1;
    number.max = this.#nPages;
    this.#pages.querySelector(".of").textContent = `of ${this.#nPages.toLocaleString("en")}`;
    const ends = { first: 0, previous: 0, next: this.#nPages - 1, last: this.#nPages - 1 };
    for (const button of this.#pages.querySelectorAll("button")) {
      // not `disabled`: that would drop the focus of whoever turns pages by keyboard
      button.setAttribute("aria-disabled", String(this.#page === ends[button.dataset.page]));
    }
    this.#pages.hidden = this.#pairs.length <= 25;
  }

  #row(pair) {
    const row = document.getElementById("row").content.querySelector("tr").cloneNode(true);
    row.dataset.place = pair.place;
    for (const side of ["generated", "source"]) this.#fillImage(row.querySelector(`.${side}`), pair, side);
    this.#fillPeople(row.querySelector(".person"), pair.people);
    const cosine = row.querySelector(".cosine");
    cosine.textContent = pair.cosine.toFixed(4);
    for (const second of pair.seconds) cosine.append(" ", small(second));
    for (const cell of ["chance", "kind", "status"]) row.querySelector(`.${cell}`).textContent = pair[cell];
    row.querySelector("legend").textContent = `Review of ${pair.generated} with ${pair.source}`;
    for (const radio of row.querySelectorAll("input[type=radio]")) {
      radio.name = `${this.#section.id}-${pair.place}`;
    }
    return row;
  }

  #fillImage(cell, pair, side) {
    const picture = this.#pictures[pair[`${side}Picture`]];
    const image = cell.querySelector("img");
    image.hidden = !picture;
    if (picture) image.src = picture;
    cell.querySelector(".name").textContent = pair[side];
    const digest = cell.querySelector(".digest");
    digest.textContent = pair[`${side}Digest`].slice(0, 12);
    digest.title = pair[`${side}Digest`];
  }

  #fillPeople(cell, people) {
    if (!people.length) cell.textContent = "not named";
    people.forEach((person, n) => {
      const name = document.createElement("bdi");
      name.textContent = person;
      cell.append(...(n ? [", ", name] : [name]));
    });
  }

  // A pair may stand in several tables; whoever types in one of its fields is left alone.
  #showMarks() {
    for (const row of this.#body.rows) {
      const mark = this.#marks.of(this.#pairs[row.dataset.place].key);
      for (const radio of row.querySelectorAll("input[type=radio]")) radio.checked = radio.value === (mark?.mark ?? "");
      const own = row.querySelector(".own");
      own.hidden = !mark;
      for (const field of own.querySelectorAll("input")) {
        if (field !== document.activeElement) field.value = mark?.[field.dataset.own] ?? "";
      }
    }
  }

  #showForPrint() {
    const most = Number(document.body.dataset.printed);
    const { file, all } = this.#section.dataset;
    this.#show(this.#found.slice(0, most));
    const note = this.#section.querySelector(".printed");
    const n = Math.min(most, this.#found.length);
    const whole = n < Number(all) ? ` of ${Number(all).toLocaleString("en")}` : "";
    note.textContent = `Printed: ${n.toLocaleString("en")}${whole} pairs, in the order chosen on the page.`
      + (n < Number(all) && file ? ` All are in ${file}, beside the evidence.` : "");
    note.hidden = false;
  }
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}
