// The console in a real browser, against real Keycloak and the real services.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessible } from "./axe.mjs";
import { launch, logIn, picture, settled, visitor } from "./browser.mjs";
import { foreignTenant, make, meddle, ownNamespace, ownTenant, remove } from "./fixture.mjs";
import { consoleUrl, people } from "./settings.mjs";

let browser;

before(async () => {
  make();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  remove();
});

async function open(page, path) {
  await page.goto(consoleUrl + path);
  await settled(page);
}

/** Opens a page again and again until it shows what becomes true a moment later. */
async function openUntil(page, path, wanted) {
  const until = Date.now() + 20_000;
  do {
    await open(page, path);
    if (await wanted.isVisible()) return;
  } while (Date.now() < until);
  assert.fail(`${path} does not show ${wanted}`);
}

describe("before the login", () => {
  it("the login page names the issuer and has one way in", async () => {
    const { context, page, complaints } = await visitor(browser);
    await open(page, "/login");
    assert.equal(await page.getByRole("main").getByRole("link").count(), 1);
    await accessible(page);
    await picture(page, "login");
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("a failed login says why in words", async () => {
    const { context, page } = await visitor(browser);
    for (const [word, expected] of [["expired", /took too long/], ["unreachable", /cannot be reached/], ["email", /verified e-mail/]]) {
      await open(page, `/login?error=${word}`);
      assert.match(await page.getByRole("alert").innerText(), expected);
    }
    await accessible(page);
    await context.close();
  });

  it("a deep link leads through the login to its page", async () => {
    const { context, page } = await visitor(browser);
    await page.goto(`${consoleUrl}/tenants/${ownTenant}?tab=members`);
    await page.waitForURL(/\/login\?next=/);
    await logIn(page, people.bear);
    assert.equal(page.url(), `${consoleUrl}/tenants/${ownTenant}?tab=members`);
    await page.getByRole("rowheader", { name: people.bear.name }).waitFor();
    await context.close();
  });
});

describe("a platform administrator", () => {
  let session;

  before(async () => {
    session = await visitor(browser);
    await open(session.page, "/login");
    await logIn(session.page, people.admin);
    await settled(session.page);
  });
  after(async () => session?.context.close());

  it("sees the dashboard", async () => {
    const { page } = session;
    const tenants = page.getByRole("region", { name: "Tenants" });
    assert.match(await tenants.innerText(), /\b[1-9]\d*\b/);
    for (const name of [/^Cost/, "Needs attention", "Fullest quotas", "Recent changes"]) {
      await page.getByRole("region", { name }).waitFor();
    }
    await picture(page, "dashboard");
    await accessible(page);
  });

  it("walks from the tenants to a namespace", async () => {
    const { page } = session;
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Tenants" }).click();
    await page.getByRole("searchbox").or(page.getByLabel(/^Filter tenants/)).fill(ownTenant);
    const row = page.getByRole("row", { name: ownTenant });
    assert.match(await row.innerText(), /Ready/);
    await accessible(page);
    await row.getByRole("link", { name: ownTenant }).click();
    await page.getByRole("heading", { level: 1, name: ownTenant }).waitFor();
    await page.getByRole("tab", { name: /^Namespaces/ }).click();
    await page.getByRole("link", { name: ownNamespace }).click();
    await page.getByRole("heading", { level: 1, name: ownNamespace }).waitFor();
    const budget = page.getByRole("region", { name: "Quota" });
    // Its share of the tenant's budget, which two namespaces split.
    assert.match(await budget.innerText(), /secrets\s+1 of 5/);
    assert.match(await budget.innerText(), /memory\s+0 of 4Gi/);
    await accessible(page);
  });

  it("sees what others changed in a tenant, and who, once it is put back", async () => {
    const { page } = session;
    await open(page, `/tenants/${ownTenant}`);
    await page.getByRole("tab", { name: "Drift" }).click();
    await page.getByRole("heading", { name: "No drift" }).waitFor();
    meddle("mallory");
    const row = page.getByRole("row").filter({ hasText: "mallory" }).first();
    await openUntil(page, `/tenants/${ownTenant}?tab=drift`, row);
    assert.match(await row.innerText(), new RegExp(`RoleBinding tenant-owner-admin\\s+${ownNamespace}\\s+mallory\\s+subjects`));
  });

  it("every page is accessible in light and dark", async () => {
    const { page } = session;
    const tabs = ["overview", "namespaces", "members", "cost", "activity", "drift"].map((tab) => `/tenants/${ownTenant}?tab=${tab}`);
    for (const path of ["/tenants", "/tenants?q=nothing-has-this-name", ...tabs, "/audit", "/no-such-page", "/tenants/no-such-tenant"]) {
      await open(page, path);
      await accessible(page);
    }
  });

  it("nothing is wider than a small phone", async () => {
    const { page } = session;
    await page.setViewportSize({ width: 360, height: 740 });
    for (const path of ["/", "/tenants", `/tenants/${ownTenant}`, "/audit"]) {
      await open(page, path);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, path);
    }
    await page.setViewportSize({ width: 1360, height: 1000 });
  });

  it("reaches a namespace by keyboard alone", async () => {
    const { page } = session;
    await open(page, "/");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");
    await open(page, "/tenants");
    await page.keyboard.press("/");
    await page.keyboard.type(ownTenant);
    await page.getByRole("status").filter({ hasText: /^1 of/ }).waitFor();
    await press(page, "Tab", ownTenant);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: ownTenant }).waitFor();
    await press(page, "Tab", ownNamespace);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: ownNamespace }).waitFor();
  });

  it("the browser complained of nothing", () => assert.deepEqual(session.complaints, []));
});

/** Presses `key` until the focus is on what is called `name`. */
async function press(page, key, name) {
  for (let count = 0; count < 40; count++) {
    await page.keyboard.press(key);
    if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === name) return;
  }
  assert.fail(`${name} is not reached by ${key}`);
}

describe("a member", () => {
  let session;

  before(async () => {
    session = await visitor(browser);
    await open(session.page, "/login");
    await logIn(session.page, people.bear);
    await settled(session.page);
  });
  after(async () => session?.context.close());

  it("sees the own tenants and no other", async () => {
    const { page } = session;
    await accessible(page);
    await open(page, "/tenants");
    await page.getByRole("row", { name: ownTenant }).waitFor();
    assert.equal(await page.getByRole("row", { name: foreignTenant }).count(), 0);
    await open(page, `/tenants/${ownTenant}/namespaces/${ownNamespace}`);
    await page.getByRole("heading", { level: 1, name: ownNamespace }).waitFor();
    await accessible(page);
  });

  it("cannot tell a foreign tenant from an absent one", async () => {
    const { page } = session;
    const texts = [];
    for (const name of [foreignTenant, `${foreignTenant}-absent`]) {
      await open(page, `/tenants/${name}`);
      texts.push((await page.getByRole("alert").innerText()).replaceAll(name, "it"));
    }
    assert.equal(texts[0], texts[1]);
    await accessible(page);
  });

  it("is kept by a cookie that scripts cannot read", async () => {
    const { context } = session;
    const cookies = await context.cookies(consoleUrl);
    const cookie = cookies.find(({ name }) => /^(__Host-)?tenantry$/.test(name));
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, "Lax");
    assert.equal(cookie.secure, consoleUrl.startsWith("https:"));
  });

  it("cannot be made to call from another site", async () => {
    const { context } = session;
    const call = (headers) =>
      context.request.post(`${consoleUrl}/api/tenant/tenantry.tenant.v1.TenantService/ListTenants`, {
        headers,
        data: Buffer.alloc(5),
      });
    const type = { "content-type": "application/grpc-web+proto" };
    assert.equal((await call({ ...type, origin: "https://elsewhere.example" })).status(), 403);
    assert.equal((await call(type)).status(), 403);
    assert.equal((await call({ "content-type": "text/plain", origin: consoleUrl })).status(), 415);
    assert.equal((await call({ ...type, origin: consoleUrl })).status(), 200);
  });

  it("is out after the logout", async () => {
    const { context, page } = session;
    const old = await context.cookies(consoleUrl);
    await page.getByRole("button", { name: "Account" }).click();
    await accessible(page);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("You are logged out.").waitFor();
    await context.addCookies(old);
    await page.goto(`${consoleUrl}/tenants`);
    await page.waitForURL(/\/login/);
  });

  it("the browser complained of nothing", () => assert.deepEqual(session.complaints, []));
});
