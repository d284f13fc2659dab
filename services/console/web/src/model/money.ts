/** Sums of a report are plain decimals of ten places; adding them up stays exact in units of 10⁻¹⁰. */
const PLACES = 10;
const UNIT = 10n ** BigInt(PLACES);

export function parseMoney(text: string): bigint {
  const [whole = "0", part = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole || "0") * UNIT + BigInt(part.padEnd(PLACES, "0").slice(0, PLACES) || "0");
  return text.startsWith("-") ? -value : value;
}

export function toNumber(money: bigint): number {
  return Number(money) / Number(UNIT);
}

/** Two places, or two significant ones of a small sum, so that the marks of an axis differ. */
export function formatMoney(money: bigint, currency: string): string {
  const value = toNumber(money);
  const small = value !== 0 && Math.abs(value) < 0.1;
  const format = new Intl.NumberFormat("en", {
    style: "currency",
    currency: currency || "USD",
    currencyDisplay: "code",
    ...(small ? { maximumSignificantDigits: 2, minimumSignificantDigits: 2 } : {}),
  });
  return format.format(value);
}

export function exactMoney(money: bigint, currency: string): string {
  const digits = (money < 0n ? -money : money).toString().padStart(PLACES + 1, "0");
  return `${currency} ${money < 0n ? "-" : ""}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}
