// Reads a JSON array of LaTeX strings and writes those that KaTeX rejects, each with its message.
import { readFileSync } from "node:fs";
import katex from "katex";

const rejected = [];
console.warn = (message) => rejected.push({ latex: current, error: String(message) });
let current = "";
for (current of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    katex.renderToString(current, { displayMode: true, strict: "error", throwOnError: true });
  } catch (error) {
    rejected.push({ latex: current, error: String(error.message) });
  }
}
process.stdout.write(JSON.stringify(rejected));
