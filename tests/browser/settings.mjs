// What the browser tests are told by the environment; `cargo dev env` and `cargo dev test` set it.

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run \`cargo dev test\`, or set it as deploy/dev does`);
  return value;
}

export const consoleUrl = required("TENANTRY_CONSOLE_URL").replace(/\/$/, "");
export const people = {
  admin: { name: "admin@nordmart.com", password: required("TENANTRY_ADMIN_PASSWORD") },
  bear: { name: "bear@nordmart.com", password: required("TENANTRY_BEAR_PASSWORD") },
};
/** Where pictures go; none are taken if it is not set. */
export const screenshots = process.env.TENANTRY_SCREENSHOTS;
export const chromiumPath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
