/** What the console wrote into the page; empty on the development server, which fills nothing in. */
export function meta(name: "nonce" | "issuer"): string {
  const content = document.querySelector<HTMLMetaElement>(`meta[name="tenantry-${name}"]`)?.content ?? "";
  return content.startsWith("__") ? "" : content;
}
