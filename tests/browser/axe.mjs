// WCAG 2.2 AA, as far as a machine can see it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../services/console/web/package.json", import.meta.url));
const source = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The page is clean in light and in dark colours. */
export async function accessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForFunction((wanted) => document.documentElement.dataset.mantineColorScheme === wanted, colorScheme);
    const found = await page.evaluate(run, { source, tags: TAGS });
    assert.deepEqual(found, [], `${page.url()} in ${colorScheme} colours`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

/** Runs in the page, where the content security policy allows no script element: the tool comes as a function. */
async function run({ source, tags }) {
  window.axe ?? new Function(source)();
  const { violations } = await window.axe.run(document, { runOnly: tags });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}
