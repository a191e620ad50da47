// The file of waivers: what is missing for it, and its text. A text in JSON's quotes is one in YAML's.

const WORDS = { other: "Not the same person", accepted: "Accepted" };

function day(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

// One waiver for each mark; what the mark does not say itself, the form says for all.
function signed(marks, today) {
  const said = (mark, name) => (mark[name] || marks.form[name]).trim().replace(/\s+/g, " ");
  return marks.entries().map(([key, mark]) => {
    const [generated, source] = key.split(":");
    return {
      generated,
      source,
      mark: mark.mark,
      reason: said(mark, "reason"),
      owner: said(mark, "owner"),
      date: today,
      expires: said(mark, "expires"),
    };
  });
}

const NEEDED = { reason: "a reason", owner: "a name", expires: "a last day" };

function problems(waivers, n_kept, today) {
  if (!waivers.length && !n_kept) return [["", "No pair is marked: there is nothing to write."]];
  const found = [];
  for (const [name, what] of Object.entries(NEEDED)) {
    const n = waivers.filter((waiver) => !waiver[name]).length;
    if (n) found.push([name, `${pairsIn(n)} without ${what}.`]);
  }
  const strange = waivers.filter(({ expires }) => expires && !/^\d{4}-\d\d-\d\d$/.test(expires)).length;
  if (strange) found.push(["expires", `${pairsIn(strange)} with a last day that is no day of a calendar.`]);
  const over = waivers.filter(({ expires }) => /^\d{4}-\d\d-\d\d$/.test(expires) && expires < today).length;
  if (over) found.push(["expires", `${pairsIn(over)} with a last day before today, ${today}.`]);
  return found;
}

const pairsIn = (n) => `${n.toLocaleString("en")} marked ${n === 1 ? "pair is" : "pairs are"}`;

// What YAML does not print or takes for the end of a line is escaped; `${` would be taken for a variable.
function quoted(text) {
  const json = JSON.stringify(text.toWellFormed ? text.toWellFormed() : text);
  return json
    .replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (letter) =>
      `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("${", () => "$${");
}

function waiversText(waivers, kept, about) {
  const lines = [
    `# Waivers of the policy ${quoted(about.name)}, marked on the page of the evidence`,
    `# ${about.evidence}`,
    "version: 1",
    "waivers:",
  ];
  const reasoned = waivers.map((waiver) => ({ ...waiver, reason: `${WORDS[waiver.mark]}: ${waiver.reason}` }));
  for (const waiver of [...kept, ...reasoned]) {
    const keys = ["generated", "source", "reason", "owner", "date", "expires"];
    keys.forEach((key, n) => lines.push(`${n ? "    " : "  - "}${key}: ${quoted(waiver[key])}`));
  }
  return `${lines.join("\n")}\n`;
}

function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // the download reads it after this turn
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
