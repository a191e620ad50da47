// Every text of the page whose contrast with what is behind it is below AA, with its ratio.
() => {
  const parts = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(one).backgroundColor);
      if (a > 0.99) return [r, g, b];
      if (a > 0.01) throw new Error(`half a background: ${one.className}`);
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let n = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || element.closest("script, template, datalist, option, noscript")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    n += 1;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const both = [luminance(parts(colour)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (both[0] + 0.05) / (both[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push([text.slice(0, 40), element.className, ratio.toFixed(2)]);
  }
  if (n < 100) throw new Error(`only ${n} texts were looked at`);
  return found;
}
