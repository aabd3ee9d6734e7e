/** Horizontal bars with their figures, as SVG text: readable in a README, light or dark. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands at its end. */
  readonly text: string;
  /** Ours stand out; a lighter bar is the lesser phase of the one above. */
  readonly tone: "ours" | "ours-light" | "other" | "other-light";
}

export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABELS = 190;
const FIGURES = 150;
const BAR = 16;
const GAP = 5;
const PANEL_GAP = 22;
const HEADER = 58;
const TITLE = 24;

const colors: Readonly<Record<Bar["tone"], string>> = {
  ours: "#1f6f5c",
  "ours-light": "#8cc4b5",
  other: "#6b7280",
  "other-light": "#c3c8d0",
};

export interface Figure {
  readonly title: string;
  readonly note: string;
  readonly panels: readonly Panel[];
  /** Each panel has its own scale, from 0; or all have one logarithmic scale, from 1. */
  readonly scale: "linear" | "logarithmic";
}

export function draw({ title, note, panels, scale }: Figure): string {
  const parts: string[] = [text(16, 26, title, "title"), text(16, 46, note, "note")];
  const largestOfAll = Math.max(...panels.flatMap(({ bars }) => bars.map(({ value }) => value)));
  let y = HEADER;
  for (const { title, bars } of panels) {
    parts.push(text(16, y + 16, title, "panel"));
    y += TITLE;
    const largest = scale === "linear" ? Math.max(...bars.map(({ value }) => value)) : largestOfAll;
    for (const { label, value, text: figure, tone } of bars) {
      const share = scale === "linear" ? value / largest : Math.log(Math.max(1, value)) / Math.log(largest);
      const length = Math.max(1, (WIDTH - LABELS - FIGURES) * share);
      const baseline = y + BAR - 4;
      parts.push(text(LABELS - 8, baseline, label, "label"));
      parts.push(
        `<rect x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" fill="${colors[tone]}"/>`,
      );
      parts.push(text(LABELS + length + 6, baseline, figure, "figure"));
      y += BAR + GAP;
    }
    y += PANEL_GAP - GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${escaped(title)}">
<style>
text { font-family: system-ui, sans-serif; font-size: 12px; fill: #1f2937 }
.title { font-size: 16px; font-weight: 600 }
.note { fill: #6b7280 }
.panel { font-weight: 600 }
.label { text-anchor: end }
</style>
<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

const text = (x: number, y: number, content: string, kind: string) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${kind}">${escaped(content)}</text>`;

const escaped = (content: string) => content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
