// The browser: Debian's Chromium, driven by playwright-core, which the web app's package.json pins.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromiumPath, consoleUrl, screenshots } from "./settings.mjs";

const require = createRequire(new URL("../../services/console/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const QUIET = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
];

export async function launch() {
  if (!existsSync(chromiumPath)) throw new Error(`no ${chromiumPath}: apt-get install -y chromium`);
  return chromium.launch({ executablePath: chromiumPath, args: QUIET });
}

/** A visitor with cookies of their own, and a list of what the browser complained of. */
export async function visitor(browser, options = {}) {
  // Keycloak's certificate is signed by the stack's own authority, which the browser does not know.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1360, height: 1000 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && page.url().startsWith(consoleUrl)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { context, page, complaints };
}

/** Through Keycloak's form and back. */
export async function logIn(page, { name, password }) {
  await page.getByRole("link", { name: /^Continue with/ }).click();
  await page.locator("#username").fill(name);
  await page.locator("#password").fill(password);
  await page.locator("#kc-login").click();
  await page.getByRole("button", { name: "Account" }).waitFor();
}

/** Waits until nothing on the page says that it is loading. */
export async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);
}

export async function picture(page, name) {
  if (!screenshots) return;
  const seen = page.viewportSize();
  // What is fixed to the window reaches only so far in a picture of the full page.
  await page.setViewportSize({ ...seen, height: await page.evaluate(() => document.documentElement.scrollHeight) });
  await page.screenshot({ path: join(screenshots, `console-${name}.png`), animations: "disabled" });
  await page.setViewportSize(seen);
}
