const factors: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, "": 1,
  k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/** The number in a Kubernetes quantity such as 800m or 8Gi; NaN if it is none. */
export function parseQuantity(text: string): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text.trim());
  const factor = factors[match?.[2] ?? "?"];
  return match && factor !== undefined ? Number(match[1]) * factor : NaN;
}

/** Share of `hard` that is used, in percent; null where it means nothing. */
export function percent(used: string, hard: string): number | null {
  const [part, whole] = [parseQuantity(used || "0"), parseQuantity(hard)];
  if (!Number.isFinite(part) || !Number.isFinite(whole)) return null;
  if (whole === 0) return part > 0 ? 100 : 0;
  return (part / whole) * 100;
}
