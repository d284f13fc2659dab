// The last steps of the tutorial: log in, see the dashboard, walk tenants and namespaces. Prints what it saw.
import assert from "node:assert/strict";
import { launch, logIn, picture, settled, visitor } from "./browser.mjs";
import { consoleUrl, people } from "./settings.mjs";

const browser = await launch();
try {
  await walk(people.admin, ["logistics", "retail"], true);
  await walk(people.bear, ["retail"], false);
} finally {
  await browser.close();
}

async function walk(person, tenants, isPictured) {
  const { context, page, complaints } = await visitor(browser);
  await page.goto(`${consoleUrl}/login`);
  await settled(page);
  if (isPictured) await picture(page, "login");
  await logIn(page, person);
  await settled(page);
  console.log(`${person.name} is logged in: ${await dashboard(page)}`);
  if (isPictured) await picture(page, "dashboard");
  for (const tenant of tenants) {
    for (const namespace of [`${tenant}-dev`, `${tenant}-build`]) console.log(`  ${await visit(page, tenant, namespace)}`);
  }
  assert.deepEqual(complaints, []);
  await context.close();
}

async function dashboard(page) {
  const counts = [];
  for (const name of ["Tenants", "Namespaces", "Quotas"]) {
    const text = await page.getByRole("region", { name, exact: true }).innerText();
    counts.push(`${/\d+/.exec(text)?.[0]} ${name.toLowerCase()}`);
  }
  return counts.join(", ");
}

/** By links only, as a person goes. */
async function visit(page, tenant, namespace) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Tenants" }).click();
  const row = page.getByRole("row", { name: new RegExp(`^${tenant}\\b`) });
  await row.getByText("Ready", { exact: true }).waitFor();
  await row.getByRole("link", { name: tenant, exact: true }).click();
  await page.getByRole("region", { name: "Namespaces" }).getByRole("link", { name: namespace, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: namespace }).waitFor();
  const quota = await page.getByRole("region", { name: "Quota" }).innerText();
  return `${tenant}: Ready, ${namespace}: ${quota.split("\n").slice(1).join(" ").replaceAll(/\s+/g, " ")}`;
}
