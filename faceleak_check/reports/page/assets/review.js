// The form with which marks become a file of waivers.

class Review {
  #section; #form; #marks; #errors; #kept;

  constructor(section, marks) {
    this.#section = section;
    this.#marks = marks;
    this.#form = section.querySelector("form");
    this.#errors = section.querySelector(".errors");
    this.#kept = JSON.parse(section.querySelector("[data-waivers]").textContent);
    this.#fill();
    this.#form.addEventListener("input", (event) => this.#read(event.target));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write();
    });
    this.#form.querySelector("[data-clear]").addEventListener("click", () => {
      if (marks.size && confirm(`Take ${pairWord(marks.size)} back?`)) marks.clear();
    });
    marks.addEventListener("change", () => this.#tell());
    this.#tell();
  }

  #fill() {
    for (const field of this.#form.querySelectorAll("[data-form]")) {
      const value = this.#marks.form[field.dataset.form];
      if (field.type === "checkbox") field.checked = value;
      else field.value = value;
    }
  }

  #read(field) {
    if (!field.dataset.form) return;
    this.#marks.changeForm({ [field.dataset.form]: field.type === "checkbox" ? field.checked : field.value });
  }

  #tell() {
    const marks = this.#marks.entries();
    const n = (kind) => marks.filter(([, mark]) => mark.mark === kind).length;
    const told = marks.length
      ? `${pairWord(marks.length)} marked: ${n("other")} not the same person, ${n("accepted")} accepted.`
      : "No pair is marked yet.";
    const lost = this.#marks.isKept ? "" : " This browser does not keep marks: download them before you leave the page.";
    this.#form.querySelector(".tally").textContent = told + lost;
    const bar = document.querySelector(`[data-bar="${this.#section.dataset.review}"]`);
    bar.hidden = !marks.length;
    bar.querySelector("span").textContent = told;
  }

  #write() {
    const today = day(new Date());
    const waivers = signed(this.#marks, today);
    const marked = new Set(waivers.map(({ generated, source }) => `${generated}:${source}`));
    // whoever marks a pair anew takes the earlier waiver's place
    const kept = this.#marks.form.keep
      ? this.#kept.filter(({ generated, source }) => !marked.has(`${generated}:${source}`))
      : [];
    const found = problems(waivers, kept.length, today);
    this.#showProblems(found);
    if (found.length) return;
    const { name } = this.#section.dataset;
    const about = { name, evidence: document.body.dataset.evidence };
    const stem = name.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "") || "policy";
    download(waiversText(waivers, kept, about), `${stem}.waivers.yaml`);
  }

  #showProblems(found) {
    for (const field of this.#form.querySelectorAll("[data-form]")) {
      const isMissing = found.some(([name]) => name === field.dataset.form);
      if (field.type !== "checkbox") field.setAttribute("aria-invalid", String(isMissing));
    }
    this.#errors.hidden = !found.length;
    this.#errors.replaceChildren();
    if (!found.length) return;
    const title = document.createElement("p");
    title.textContent = "Nothing was downloaded:";
    const list = document.createElement("ul");
    for (const [, message] of found) {
      const item = document.createElement("li");
      item.textContent = message;
      list.append(item);
    }
    this.#errors.append(title, list);
    this.#errors.focus();
  }
}

const pairWord = (n) => `${n.toLocaleString("en")} ${n === 1 ? "pair" : "pairs"}`;
