// What a row of a table holds, and which rows fit a filter, in which order. No element of the page is touched here.

const CELLS = [
  "generated", "generatedDigest", "source", "sourceDigest", "people", "cosine", "seconds",
  "chance", "nChance", "kind", "status", "generatedPicture", "sourcePicture",
];

function unpacked(cells, place) {
  const pair = { place };
  CELLS.forEach((name, n) => { pair[name] = cells[n]; });
  pair.key = `${pair.generatedDigest}:${pair.sourceDigest}`;
  pair.person = pair.people.join(", ");
  return pair;
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const byText = (name) => (a, b) => collator.compare(a[name], b[name]);
const byNumber = (name) => (a, b) => (a[name] ?? -1) - (b[name] ?? -1);

const ORDERS = {
  generated: byText("generated"),
  source: byText("source"),
  person: byText("person"),
  cosine: byNumber("cosine"),
  chance: byNumber("nChance"),
  kind: byText("kind"),
  status: byText("status"),
};

// Columns in which the largest is what a reader looks for first.
const FALLING_FIRST = new Set(["cosine", "mark"]);

function sorted(pairs, { key, falling }, marks) {
  const rank = (pair) => ["", "other", "accepted"].indexOf(marks.of(pair.key)?.mark ?? "");
  const order = ORDERS[key] ?? ((a, b) => rank(a) - rank(b));
  const sign = falling ? -1 : 1;
  return [...pairs].sort((a, b) => sign * order(a, b) || a.place - b.place);
}

const folded = (text) => text.normalize("NFC").toLowerCase();

// Names are folded once, and only when somebody looks for one.
function searchable(pair) {
  pair.text ??= folded([
    pair.generated, pair.source, pair.person, pair.generatedDigest, pair.sourceDigest,
  ].join("\n"));
  pair.folk ??= folded(pair.person);
  return pair;
}

function fitting(pairs, filter, marks) {
  const text = folded(filter.text.trim());
  const person = folded(filter.person.trim());
  return pairs.filter((pair) =>
    (!text || searchable(pair).text.includes(text))
    && (!person || searchable(pair).folk.includes(person))
    && (!filter.kind || pair.kind === filter.kind)
    && (!filter.outcome || hasOutcome(pair, filter.outcome, marks)));
}

function hasOutcome(pair, outcome, marks) {
  if (outcome === "marked") return Boolean(marks.of(pair.key)?.mark);
  if (outcome === "unmarked") return !marks.of(pair.key)?.mark;
  return pair.status === outcome;
}
